"""The gauge of Kafka tells within seconds that the brokers are lost, and that they are back."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from chassis.db import Database, new_id
from chassis.outbox import emit
from chassis.testing import until
from deploy.local.broker import program, running_broker
from deploy.local.programs import free_port, running
from tests.apache_kafka import Unavailable, running_apache_kafka
from tests.chassis.readings import EFFECTS, consumer_of, effects, reading_event, relay_of
from tests.chassis.readings import running as working
from tests.databases import add_tables

SECONDS = 20.0
Start = Callable[[int], AbstractContextManager[str]]


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.apache_kafka)])
def start(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts a broker on a port, each time without what the one before it had."""
    if request.param == "embedded":
        return running_broker
    return lambda port: running_apache_kafka(tmp_path_factory.mktemp("kafka"), port)


async def started(stack: contextlib.ExitStack, start: Start, port: int) -> str:
    try:
        return await asyncio.to_thread(stack.enter_context, start(port))
    except Unavailable as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the Apache Kafka run of this test needs more than this machine has: {missing}")


async def shows(connected: float) -> bool:
    parts = ("relay", "consumer")
    return all(REGISTRY.get_sample_value("myili_kafka_connected", {"part": part}) == connected for part in parts)


async def handled(books: Database, number: int) -> bool:
    return len(await effects(books)) == number


async def test_the_gauge_follows_a_broker_that_is_stopped_and_started(database: Database, start: Start) -> None:
    await add_tables(database, EFFECTS.metadata)
    port, event_type = free_port(), reading_event(f"meter_{new_id().hex}")
    with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
        kafka = await started(first, start, port)
        relay, consumer = relay_of(database, kafka, event_type), consumer_of(database, kafka, event_type)
        async with working(relay.run(), consumer.run()):
            async with database.transaction() as tx:
                await emit(tx, event_type(meter_id=new_id(), reading=1))
            await until(partial(handled, database, 1), seconds=60)
            await until(partial(shows, 1.0), seconds=SECONDS)
            await asyncio.to_thread(first.close)
            await until(partial(shows, 0.0), seconds=SECONDS)
            await started(second, start, port)
            await until(partial(shows, 1.0), seconds=60)


async def test_the_gauge_follows_a_broker_that_accepts_and_answers_nothing(database: Database, tmp_path: Path) -> None:
    await add_tables(database, EFFECTS.metadata)
    event_type = reading_event(f"meter_{new_id().hex}")
    embedded = program(free_port())
    with running(embedded, tmp_path / "broker.log") as broker:
        kafka = embedded.where
        relay, consumer = relay_of(database, kafka, event_type), consumer_of(database, kafka, event_type)
        async with working(relay.run(), consumer.run()):
            await until(partial(shows, 1.0), seconds=60)
            os.kill(broker.pid, signal.SIGSTOP)
            try:
                await until(partial(shows, 0.0), seconds=SECONDS)
            finally:
                os.kill(broker.pid, signal.SIGCONT)
            await until(partial(shows, 1.0), seconds=60)
