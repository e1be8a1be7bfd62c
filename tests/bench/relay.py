"""relay: events per second from the outbox to handled, against a bare aiokafka producer and consumer.

Both move the same bytes through the same broker in the same minute, producer and consumer in one process as in a
worker. Ours also reads and marks outbox rows, parses each event, claims it in the inbox and calls its handler.
"""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, TypeAlias
from uuid import UUID

import aiokafka
import uvloop
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id, service_metadata
from chassis.inbox import Consumer, EventData, Handler, Received
from chassis.kafka import ensure_topics
from chassis.outbox import Event, Relay, emit, outbox
from deploy.local.broker import running_broker
from deploy.local.postgres import running_postgres
from tests.apache_kafka import Unavailable, running_apache_kafka
from tests.apache_kafka.secured import running_secured_kafka
from tests.bench.report import report
from tests.databases import made_of

EVENTS = 40_000
ROUNDS = 3
GOALS = {"relay": "at least 0.35", "relay_apache": "at least 0.3"}

Kafka: TypeAlias = Mapping[str, Any]
"""What clients of a broker are made with; both sides use the same, so that both encrypt or neither does."""


class Moved(EventData):
    payment_id: UUID
    amount_fen: int


def event_type_of(round_: int) -> type[Event]:
    class Captured(Event):
        event_type: ClassVar[str] = f"cn.ili.bench.payment_{round_}.captured.v1"
        key_field: ClassVar[str] = "payment_id"
        payment_id: UUID
        person_id: UUID
        provider_id: UUID
        amount_fen: int

    return Captured


async def fill_outbox(database: Database, event_type: type[Event], events: int) -> None:
    for _ in range(0, events, 1_000):
        ids = {"person_id": new_id(), "provider_id": new_id()}
        batch = (event_type(payment_id=new_id(), amount_fen=12_345, **ids) for _ in range(min(events, 1_000)))
        async with database.transaction() as tx:
            await emit(tx, *batch)


async def emitted(database: Database, event_type: type[Event]) -> list[tuple[bytes, bytes]]:
    """Keys and payloads as the outbox holds them, for the baseline to move."""
    async with database.read() as tx:
        rows = await tx.execute(select(outbox.c.key, outbox.c.payload).where(outbox.c.topic == event_type.topic()))
        return [(row.key.encode(), row.payload) for row in rows]


class Handled:
    """Counts events and wakes the waiter for a number of them, at next to no cost an event."""

    def __init__(self) -> None:
        self._count = self._awaited = 0
        self._reached = asyncio.Event()

    def add(self) -> None:
        self._count += 1
        if self._count == self._awaited:
            self._reached.set()

    async def reach(self, number: int) -> None:
        self._awaited = number
        self._reached.clear()
        if self._count < number:
            await asyncio.wait_for(self._reached.wait(), 300)


async def ours(database: Database, kafka: Kafka, event_type: type[Event]) -> float:
    """Seconds from a full outbox to the last event handled. Joining the consumer group is over before that."""
    handled = Handled()

    async def handle(_tx: AsyncSession, _event: Received[Moved]) -> None:
        handled.add()

    consumer = Consumer(f"bench-{event_type.topic()}", database, kafka, [Handler(event_type.event_type, Moved, handle)])
    relay = Relay(database.engine, kafka, [event_type.topic()])
    async with running(consumer.run()):
        await fill_outbox(database, event_type, 1)
        async with running(relay.run()):
            await handled.reach(1)
        await fill_outbox(database, event_type, EVENTS)
        started = time.perf_counter()
        async with running(relay.run()):
            await handled.reach(EVENTS + 1)
            return time.perf_counter() - started


@contextlib.asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def bare(kafka: Kafka, topic: str, messages: list[tuple[bytes, bytes]]) -> float:
    """Seconds in which a plain producer and consumer move the same bytes, both connected before."""
    await ensure_topics(kafka, [topic])
    source = aiokafka.AIOKafkaConsumer(topic, **kafka, group_id=topic, auto_offset_reset="earliest")
    producer = aiokafka.AIOKafkaProducer(**kafka, acks="all", linger_ms=5, max_batch_size=900_000)
    await asyncio.gather(source.start(), producer.start())
    await producer.send_and_wait(topic, b"first")
    seen = len(await source.getmany(timeout_ms=60_000))
    started = time.perf_counter()
    sending = asyncio.create_task(send_all(producer, topic, messages))
    while seen < len(messages) + 1:
        seen += sum(len(records) for records in (await source.getmany(timeout_ms=1_000, max_records=1_000)).values())
    seconds = time.perf_counter() - started
    await sending
    await asyncio.gather(producer.stop(), source.stop())
    return seconds


async def send_all(producer: aiokafka.AIOKafkaProducer, topic: str, messages: list[tuple[bytes, bytes]]) -> None:
    for key, value in messages:
        await producer.send(topic, value, key=key)
    await producer.flush()


async def measure(database_url: str, kafka: Kafka) -> tuple[float, float]:
    """Events per second of ours and of the baseline: medians of interleaved rounds."""
    database = Database(await made_of(service_metadata(), database_url))
    rates: list[tuple[float, float]] = []
    for round_ in range(ROUNDS):
        event_type = event_type_of(round_)
        ours_seconds = await ours(database, kafka, event_type)
        bare_seconds = await bare(kafka, f"bare.{round_}", await emitted(database, event_type))
        rates.append((EVENTS / ours_seconds, EVENTS / bare_seconds))
        print(f"  round {round_ + 1}: outbox to handled {rates[-1][0]:,.0f}/s, bare client {rates[-1][1]:,.0f}/s")
    await database.close()
    ours_rates, bare_rates = zip(*rates, strict=True)
    return statistics.median(ours_rates), statistics.median(bare_rates)


@contextlib.contextmanager
def brokers(folder: Path) -> Iterator[dict[str, Kafka]]:
    """The embedded broker, and where it runs Apache Kafka: without authentication, and by SASL_SSL."""
    plain, secured = folder / "kafka", folder / "secured-kafka"
    for each in (plain, secured):
        each.mkdir()
    with contextlib.ExitStack() as stack:
        clients: dict[str, Kafka] = {"relay": {"bootstrap_servers": stack.enter_context(running_broker())}}
        try:
            clients["relay_apache"] = {"bootstrap_servers": stack.enter_context(running_apache_kafka(plain))}
            clients["relay_apache_sasl"] = stack.enter_context(running_secured_kafka(secured)).administrator_client
        except Unavailable as missing:
            print(f"  Apache Kafka is not measured: {missing}")
        yield clients


def main() -> None:
    with TemporaryDirectory(prefix="myili-bench-") as folder, brokers(Path(folder)) as clients:
        for name, kafka in clients.items():
            print(f" {name}", flush=True)
            with running_postgres(Path(folder) / name) as database_url:
                value, baseline = uvloop.run(measure(database_url, kafka))
            detail = {"events": EVENTS, "rounds": ROUNDS, "goal": GOALS.get(name, "")}
            report(name, value, baseline, "events/s", detail)


if __name__ == "__main__":
    main()
