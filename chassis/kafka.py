"""What the relay and the consumers share: topics, and work with Kafka that goes on after each failure."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code

from chassis.db import is_connection_lost
from chassis.telemetry import KAFKA_CONNECTED, log

PARTITIONS = 3
REPLICAS = 3  # or as many as there are brokers
IDLE_SECONDS = 1.0
_ANSWER_SECONDS = 5.0


async def ensure_topics(kafka: Mapping[str, Any], topics: Sequence[str]) -> None:
    """Create topics that are missing; a KafkaError where this principal may not."""
    admin = AIOKafkaAdminClient(**kafka)
    try:
        await admin.start()
        missing = set(topics) - set(await admin.list_topics())
        brokers = len((await admin.describe_cluster())["brokers"]) if missing else 0
        for topic in sorted(missing):
            outcome = await admin.create_topics([NewTopic(topic, PARTITIONS, min(brokers, REPLICAS))])
            error = for_code(outcome.topic_errors[0][1])
            if error not in {NoError, TopicAlreadyExistsError}:
                raise error(f"{topic} is missing or not permitted")
    finally:
        await closed(admin.close())


async def closed(closing: Coroutine[Any, Any, None]) -> None:
    """Close a client of aiokafka to its end: cancelled on the way it goes on as if nothing had been said, or leaks."""
    task = asyncio.create_task(closing)
    try:
        await asyncio.wait({task})
    finally:
        await task


async def resume(part: str, work: Callable[[], Awaitable[None]]) -> None:
    """Work until cancelled, again after each failure of Kafka or the database."""
    while True:
        KAFKA_CONNECTED.labels(part).set(0)
        try:
            await work()
        except KafkaError as error:
            log.warning(f"{part}_waits_for_kafka", error=type(error).__name__, reason=str(error))
        except Exception as error:
            if not is_connection_lost(error):
                raise
            log.warning(f"{part}_waits_for_database", error=type(error).__name__)
        await asyncio.sleep(IDLE_SECONDS)


@contextlib.asynccontextmanager
async def watching(part: str, kafka: Mapping[str, Any], topics: Sequence[str]) -> AsyncIterator[None]:
    """Measure whether Kafka answers, as long as the block lasts: its clients wait for lost brokers without a word."""

    async def watch() -> None:
        while True:
            try:
                await asyncio.wait_for(ensure_topics(kafka, topics), _ANSWER_SECONDS)
                KAFKA_CONNECTED.labels(part).set(1)
            except Exception as error:  # noqa: BLE001 - whatever it is, Kafka has not answered
                log.warning(f"{part}_waits_for_kafka", error=type(error).__name__, reason=str(error))
                KAFKA_CONNECTED.labels(part).set(0)
            await asyncio.sleep(_ANSWER_SECONDS)

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
