"""Outbox, relay, inbox and dead letters, the same on the embedded broker and on Apache Kafka."""

import asyncio
import contextlib
import json
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from cloudevents.core.formats.json import JSONFormat
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id, now
from chassis.dead_letters import dead_letters
from chassis.inbox import Consumer, Handler, Received, inbox
from chassis.kafka import closed, ensure_topics
from chassis.outbox import Relay, emit, outbox, resend
from chassis.telemetry import continue_trace
from chassis.testing import until
from tests.chassis.readings import (
    EFFECTS,
    MeterRead,
    SeenReading,
    consumer_of,
    count,
    effects,
    publish_raw,
    read_topic,
    reading_event,
    record,
    relay_of,
    running,
    waiting,
)
from tests.databases import add_tables


@pytest.fixture
def event_type() -> type[MeterRead]:
    return reading_event(f"meter_{new_id().hex}")


@pytest.fixture
async def books(database: Database) -> Database:
    """A database with the consumer's own table."""
    await add_tables(database, EFFECTS.metadata)
    return database


async def test_what_a_transaction_emits_reaches_its_consumer_once_and_in_order(
    books: Database, kafka: str, event_type: type[MeterRead]
) -> None:
    meters = [new_id() for _ in range(5)]
    for reading in range(20):
        async with books.transaction() as tx:
            await emit(tx, *(event_type(meter_id=meter, reading=reading) for meter in meters))
    consumer = consumer_of(books, kafka, event_type)
    async with running(relay_of(books, kafka, event_type).run(), consumer.run()):
        await until(lambda: _has(books, 100))
    seen = await effects(books)
    for meter in meters:
        assert [reading for seen_meter, reading in seen if seen_meter == meter] == list(range(20))
    assert await waiting(books) == 0


async def _has(books: Database, number: int) -> bool:
    return len(await effects(books)) >= number


async def test_a_rolled_back_transaction_publishes_nothing(books: Database) -> None:
    async def emit_and_fail() -> None:
        async with books.transaction() as tx:
            await emit(tx, MeterRead(meter_id=new_id(), reading=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await emit_and_fail()
    assert await count(books, outbox) == 0


async def test_the_message_is_a_cloudevent_keyed_by_its_noun(
    books: Database, kafka: str, event_type: type[MeterRead]
) -> None:
    meter = new_id()
    async with books.transaction() as tx:
        await emit(tx, event_type(meter_id=meter, reading=7))
    async with running(relay_of(books, kafka, event_type).run()):
        message = JSONFormat().read(None, (await read_topic(kafka, event_type.topic(), 1))[0])  # CNCF's own reader
    attributes = message.get_attributes()
    assert attributes["specversion"] == "1.0"
    assert attributes["type"] == event_type.event_type
    assert attributes["subject"] == str(meter)
    assert UUID(attributes["id"]).version == 7
    assert abs(attributes["time"] - now()) < timedelta(minutes=1)
    assert message.get_data() == {"meter_id": str(meter), "reading": 7}


async def test_the_trace_of_a_request_goes_on_in_what_its_events_cause(
    books: Database, kafka: str, event_type: type[MeterRead]
) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    caused = reading_event(f"caused_{new_id().hex}")

    async def cause_another(tx: AsyncSession, event: Received[SeenReading]) -> None:
        await record(tx, event)
        await emit(tx, caused(meter_id=event.data.meter_id, reading=event.data.reading))

    async with books.transaction() as tx:
        continue_trace(parent)
        await emit(tx, event_type(meter_id=new_id(), reading=1))
        continue_trace(None)
    relay = Relay(books.engine, {"bootstrap_servers": kafka}, [event_type.topic(), caused.topic()])
    async with running(relay.run(), consumer_of(books, kafka, event_type, cause_another).run()):
        message = json.loads((await read_topic(kafka, caused.topic(), 1))[0])
    assert message["traceparent"] == parent


async def test_everything_sent_again_changes_nothing(books: Database, kafka: str, event_type: type[MeterRead]) -> None:
    async with books.transaction() as tx:
        await emit(tx, *(event_type(meter_id=new_id(), reading=reading) for reading in range(10)))
    async with running(relay_of(books, kafka, event_type).run(), consumer_of(books, kafka, event_type).run()):
        await until(lambda: _has(books, 10))
        assert await resend(books.engine) == 10
        await until(lambda: _none_waiting(books))
        async with books.transaction() as tx:
            await emit(tx, event_type(meter_id=new_id(), reading=99))
        await until(lambda: _has(books, 11))
    assert len(await effects(books)) == 11
    assert len(await read_topic(kafka, event_type.topic(), 21)) == 21


async def _none_waiting(books: Database) -> bool:
    return await waiting(books) == 0


async def test_two_relays_publish_each_event_once(books: Database, kafka: str, event_type: type[MeterRead]) -> None:
    meter = new_id()
    first, second = (relay_of(books, kafka, event_type) for _ in range(2))
    async with running(first.run(), second.run()):
        for reading in range(50):
            async with books.transaction() as tx:
                await emit(tx, event_type(meter_id=meter, reading=reading))
        await until(lambda: _none_waiting(books))
        messages = await read_topic(kafka, event_type.topic(), 50)
    assert [json.loads(message)["data"]["reading"] for message in messages] == list(range(50))


async def test_a_second_relay_takes_over_when_the_first_is_cut_off(
    books: Database, kafka: str, event_type: type[MeterRead]
) -> None:
    async with running(relay_of(books, kafka, event_type).run(), relay_of(books, kafka, event_type).run()):
        async with books.transaction() as tx:
            await emit(tx, event_type(meter_id=new_id(), reading=1))
        await until(lambda: _none_waiting(books))
        async with books.engine.connect() as connection:
            holder = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
            assert (await connection.execute(holder)).scalars().all() == [True]
        async with books.transaction() as tx:
            await emit(tx, event_type(meter_id=new_id(), reading=2))
        await until(lambda: _none_waiting(books))


async def test_a_cancellation_waits_until_a_client_is_closed_and_is_not_lost() -> None:
    """A client of aiokafka swallows it while it closes: a relay that was told to stop then led for ever."""
    ended = False

    async def close() -> None:
        nonlocal ended
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.2)
        ended = True

    task = asyncio.create_task(closed(close()))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait({task}, timeout=20)
    assert ended
    assert task.cancelled()


async def test_poison_is_parked_and_the_next_event_is_handled(
    books: Database, kafka: str, event_type: type[MeterRead]
) -> None:
    await ensure_topics({"bootstrap_servers": kafka}, [event_type.topic()])
    broken = {"specversion": "1.0", "id": str(new_id()), "source": "/x", "type": event_type.event_type, "data": {}}
    whole = {**broken, "data": {"meter_id": str(new_id()), "reading": 4}}
    nearly = ({**whole, "specversion": "0.3"}, {**whole, "source": ""}, {**whole, "time": "2026-11-26T10:00:00"})
    raw = (b"\xff not json", b"[]", *(json.dumps(event).encode() for event in (broken, *nearly)), b"[" * 100_000)
    await publish_raw(kafka, event_type.topic(), *raw)
    async with books.transaction() as tx:
        await emit(tx, event_type(meter_id=new_id(), reading=5))
    async with running(relay_of(books, kafka, event_type).run(), consumer_of(books, kafka, event_type).run()):
        await until(lambda: _has(books, 1))
        await until(lambda: _parked(books, len(raw)))
    async with books.read() as tx:
        errors = set(await tx.scalars(select(dead_letters.c.error)))
    assert errors == {"not a CloudEvents 1.0 JSON event", "the data does not fit its type: meter_id, reading"}


async def test_a_type_in_the_topic_of_another_service_is_parked_for_ever(
    books: Database, kafka: str, event_type: type[MeterRead]
) -> None:
    """A broker lets a service write topics of its own only; in those it could still claim any type."""
    own = reading_event(f"own_{new_id().hex}")
    handlers = [Handler(each.event_type, SeenReading, record) for each in (event_type, own)]
    consumer = Consumer(f"consumer-{event_type.event_type}", books, {"bootstrap_servers": kafka}, handlers)
    data = {"meter_id": str(new_id()), "reading": 4}
    forged = {"specversion": "1.0", "id": str(new_id()), "source": "/x", "type": event_type.event_type, "data": data}
    await ensure_topics({"bootstrap_servers": kafka}, [own.topic()])
    await publish_raw(kafka, own.topic(), json.dumps(forged).encode())
    async with running(consumer.run()):
        await until(lambda: _parked(books, 1))
    assert await consumer.replay_dead_letters() == (0, 1)
    async with books.read() as tx:
        assert await tx.scalar(select(dead_letters.c.error)) == "its type does not belong to its topic"
    assert await effects(books) == []


async def _parked(books: Database, number: int) -> bool:
    return await count(books, dead_letters) == number


async def test_a_failing_handler_is_retried_then_parked_then_replayed_once(
    books: Database, kafka: str, event_type: type[MeterRead]
) -> None:
    healthy = False

    async def fail_until_healthy(tx: AsyncSession, event: Received[SeenReading]) -> None:
        await record(tx, event)
        if not healthy:
            raise ArithmeticError

    consumer = consumer_of(books, kafka, event_type, fail_until_healthy)
    async with books.transaction() as tx:
        await emit(tx, event_type(meter_id=new_id(), reading=3))
    async with running(relay_of(books, kafka, event_type).run(), consumer.run()):
        await until(lambda: _parked(books, 1), seconds=30)
    assert await effects(books) == []
    healthy = True
    assert await consumer.replay_dead_letters() == (1, 0)
    assert await consumer.replay_dead_letters() == (0, 0)
    assert len(await effects(books)) == 1


async def test_one_bad_event_in_a_batch_does_not_hold_the_good_ones_back(
    books: Database, kafka: str, event_type: type[MeterRead]
) -> None:
    async def refuse_13(tx: AsyncSession, event: Received[SeenReading]) -> None:
        if event.data.reading == 13:
            raise ArithmeticError
        await record(tx, event)

    async with books.transaction() as tx:
        await emit(tx, *(event_type(meter_id=new_id(), reading=reading) for reading in range(30)))
    consumer = consumer_of(books, kafka, event_type, refuse_13)
    async with running(relay_of(books, kafka, event_type).run(), consumer.run()):
        await until(lambda: _has(books, 29), seconds=40)
        await until(lambda: _parked(books, 1), seconds=40)
    assert sorted(reading for _meter, reading in await effects(books)) == [r for r in range(30) if r != 13]
    assert await count(books, inbox) == 29


async def test_a_restarted_consumer_goes_on_where_it_stopped(
    books: Database, kafka: str, event_type: type[MeterRead]
) -> None:
    async with running(relay_of(books, kafka, event_type).run()):
        for batch in range(3):
            async with books.transaction() as tx:
                await emit(tx, *(event_type(meter_id=new_id(), reading=batch) for _ in range(5)))
            async with running(consumer_of(books, kafka, event_type).run()):
                await until(partial(_has, books, 5 * (batch + 1)), seconds=30)
    assert len(await effects(books)) == 15


def test_an_event_too_large_for_a_broker_is_refused_where_it_is_made() -> None:
    class Contents(MeterRead):
        contents: str

    async def emitting() -> None:
        await emit(AsyncSession(), Contents(meter_id=new_id(), reading=1, contents="x" * 300_000))

    with pytest.raises(ValueError, match="should carry ids"):
        asyncio.run(emitting())
