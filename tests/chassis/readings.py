"""Events of meters that are read: their producer, their consumer, and what a broker has of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import ClassVar
from uuid import UUID

import aiokafka
from sqlalchemy import Column, Integer, MetaData, Table, Text, Uuid, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.inbox import Consumer, EventData, Handle, Handler, Received
from chassis.outbox import Event, Relay, outbox

EFFECTS = Table(
    "effects",
    MetaData(),
    Column("position", Integer, primary_key=True, autoincrement=True),
    Column("meter_id", Uuid, nullable=False),
    Column("reading", Integer, nullable=False),
    Column("note", Text),
)


def reading_event(noun: str) -> type["MeterRead"]:
    """An event type of its own for each test, so that tests on one broker do not read each other's topics."""

    class Here(MeterRead):
        event_type: ClassVar[str] = f"cn.ili.chassis.{noun}.read.v1"

    return Here


class MeterRead(Event):
    event_type: ClassVar[str] = "cn.ili.chassis.meter.read.v1"
    key_field: ClassVar[str] = "meter_id"
    meter_id: UUID
    reading: int


class SeenReading(EventData):
    meter_id: UUID
    reading: int


async def record(tx: AsyncSession, event: Received[SeenReading]) -> None:
    await tx.execute(EFFECTS.insert().values(meter_id=event.data.meter_id, reading=event.data.reading))


@contextlib.asynccontextmanager
async def running(*works: Awaitable[None]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def consumer_of(
    books: Database, kafka: str, event_type: type[MeterRead], handle: Handle[SeenReading] = record
) -> Consumer:
    handler = Handler(event_type.event_type, SeenReading, handle)
    return Consumer(f"consumer-{event_type.event_type}", books, {"bootstrap_servers": kafka}, [handler])


def relay_of(books: Database, kafka: str, event_type: type[MeterRead]) -> Relay:
    return Relay(books.engine, {"bootstrap_servers": kafka}, [event_type.topic()])


async def effects(books: Database) -> Sequence[tuple[UUID, int]]:
    async with books.read() as tx:
        rows = await tx.execute(select(EFFECTS.c.meter_id, EFFECTS.c.reading).order_by(EFFECTS.c.position))
        return [(row.meter_id, row.reading) for row in rows]


async def count(books: Database, table: Table) -> int:
    async with books.read() as tx:
        return await tx.scalar(select(func.count()).select_from(table)) or 0


async def waiting(books: Database) -> int:
    async with books.read() as tx:
        query = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
        return await tx.scalar(query) or 0


async def publish_raw(kafka: str, topic: str, *values: bytes) -> None:
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    for value in values:
        await producer.send_and_wait(topic, value, key=b"key")
    await producer.stop()


async def read_topic(kafka: str, topic: str, expected: int) -> list[bytes]:
    """Messages of a topic as an independent client sees them, each partition in order."""
    source = aiokafka.AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest")
    await source.start()
    values: list[bytes] = []
    try:
        async with asyncio.timeout(20):
            while len(values) < expected:
                for records in (await source.getmany(timeout_ms=500)).values():
                    values += [record.value for record in records]
    finally:
        await source.stop()
    return values
