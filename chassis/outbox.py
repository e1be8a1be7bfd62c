"""Published events: `emit` writes a row in the business transaction, the relay publishes rows in order.

One relay per service at a time, held by an advisory lock: two relays with SKIP LOCKED publish one key's events out
of order. Rows that Kafka has acknowledged are kept for some days, for a broker that has lost its data (`resend`).
"""

import asyncio
import contextlib
import json
import sys
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

import aiokafka
import sqlalchemy as sa
from aiokafka.errors import KafkaError
from pydantic import BaseModel, ConfigDict
from sqlalchemy import any_, delete, func, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from chassis.db import Database, Timestamp, chassis_metadata, new_id, now, settings_of
from chassis.kafka import IDLE_SECONDS, closed, ensure_topics, resume, watching
from chassis.telemetry import EVENTS_PUBLISHED, OUTBOX_WAITING, traceparent

RETENTION = timedelta(days=7)
_BATCH = 4_000
_BATCH_BYTES = 900_000  # below the 1 MB that brokers take in one request
_EVENT_BYTES = 256_000
_HEADERS = [("content-type", b"application/cloudevents+json; charset=utf-8")]
_CHANNEL = "myili_outbox"
_RELAY_LOCK = "hashtext('myili outbox relay')"

outbox = sa.Table(
    "outbox",
    chassis_metadata,
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("id", sa.Uuid, nullable=False, unique=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    sa.Column("published_at", Timestamp),
)
sa.Index("ix_outbox_waiting", outbox.c.position, postgresql_where=outbox.c.published_at.is_(None))
sa.Index("ix_outbox_published_at", outbox.c.published_at)
_COLUMNS = ("id", "topic", "key", "payload")
_arrays = (sa.bindparam(name, type_=sa.ARRAY(outbox.c[name].type)) for name in _COLUMNS)
_INSERT = outbox.insert().from_select(_COLUMNS, select(func.unnest(*_arrays).table_valued(*_COLUMNS).render_derived()))


class Event(BaseModel):
    """An event as its producer defines it; subclasses set the type and name the key field.

    `event_type` is `cn.ili.<service>.<noun>.<past-tense>.v<major>`. Fields are ids, codes, amounts and times, never
    names, phones or ID numbers.
    """

    model_config = ConfigDict(frozen=True)

    event_type: ClassVar[str]
    key_field: ClassVar[str]

    @classmethod
    def topic(cls) -> str:
        return topic_of(cls.event_type)


def topic_of(event_type: str) -> str:
    """The topic of an event type: one per noun, so that a noun's events stay in order."""
    _cn, _ili, service, noun, _past_tense, version = event_type.split(".")
    return f"ili.{service}.{noun}.{version}"


async def emit(tx: AsyncSession, *events: Event) -> None:
    """Publish events if and only if the transaction commits.

    The transaction must already have locked or written the noun's row: this keeps the events of one key in order.
    """
    parent = traceparent()
    await emit_traced(tx, [(event, parent) for event in events])


async def emit_traced(tx: AsyncSession, events: Sequence[tuple[Event, str | None]]) -> None:
    """`emit` for a transaction that serves several requests: each event continues the trace it is paired with."""
    columns = zip(*(_row(event, parent) for event, parent in events), strict=True)
    await tx.execute(_INSERT, dict(zip(_COLUMNS, map(list, columns), strict=True)))
    await tx.execute(text(f"NOTIFY {_CHANNEL}"))


def _row(event: Event, parent: str | None) -> tuple[UUID, str, str, bytes]:
    key, identifier = str(getattr(event, event.key_field)), new_id()
    attributes = {
        "specversion": "1.0",
        "id": str(identifier),
        "type": event.event_type,
        "source": f"/{event.event_type.split('.')[2]}",
        "subject": key,
        "time": now().isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        **({"traceparent": parent} if parent else {}),
    }
    payload = json.dumps({**attributes, "data": event.model_dump(mode="json")}).encode()
    if len(payload) > _EVENT_BYTES:
        raise ValueError(f"{event.event_type} is larger than an event may be; it should carry ids, not contents")
    return identifier, event.topic(), key, payload


@dataclass
class Relay:
    """Publishes one service's outbox; a second relay waits until the first one ends."""

    engine: AsyncEngine
    kafka: Mapping[str, Any] = field(repr=False)
    topics: Sequence[str]

    async def run(self) -> None:
        """Publish until cancelled."""
        await resume("relay", self._lead)

    async def _lead(self) -> None:
        await ensure_topics(self.kafka, self.topics)
        async with watching("relay", self.kafka, self.topics):
            await self._publish_in_turn()

    async def _publish_in_turn(self) -> None:
        # The lock lives as long as this connection: a relay that loses it no longer leads, and its next read fails.
        async with self.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            while not await connection.scalar(text(f"SELECT pg_try_advisory_lock({_RELAY_LOCK})")):  # noqa: ASYNC110
                await asyncio.sleep(IDLE_SECONDS)
            producer = aiokafka.AIOKafkaProducer(**self.kafka, acks="all", max_batch_size=_BATCH_BYTES)
            try:
                await producer.start()
                await self._publish_forever(connection, producer)
            finally:
                await closed(producer.stop())
                with contextlib.suppress(Exception):  # a dead connection has already released the lock
                    await connection.execute(text(f"SELECT pg_advisory_unlock({_RELAY_LOCK})"))

    async def _publish_forever(self, connection: AsyncConnection, producer: aiokafka.AIOKafkaProducer) -> None:
        woken = asyncio.Event()
        raw: Any = (await connection.get_raw_connection()).driver_connection  # a live one, as the pool hands it out
        await raw.add_listener(_CHANNEL, lambda *_: woken.set())
        while True:
            woken.clear()
            if await publish_waiting(connection, producer):
                continue
            await connection.execute(delete(outbox).where(outbox.c.published_at < now() - RETENTION))
            # Not wait_for, which loses a cancellation that comes with the wake-up: this worker would never stop.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await woken.wait()


class Waiting(NamedTuple):
    """An outbox row that Kafka has not acknowledged."""

    position: int
    topic: str
    key: bytes
    payload: bytes


async def publish_waiting(connection: AsyncConnection, producer: aiokafka.AIOKafkaProducer) -> int:
    """Publish the next batch of waiting rows; returns how many Kafka acknowledged.

    Raises:
        KafkaError: a partition refused its rows; acknowledged rows are marked, the others stay waiting.
    """
    columns = (outbox.c.position, outbox.c.topic, outbox.c.key, outbox.c.payload)
    waiting = select(*columns).where(outbox.c.published_at.is_(None)).order_by(outbox.c.position).limit(_BATCH)
    rows = [
        Waiting(row.position, row.topic, row.key.encode(), row.payload) for row in await connection.execute(waiting)
    ]
    OUTBOX_WAITING.set(len(rows))
    if not rows:
        return 0
    lanes = await _by_partition(producer, rows)
    outcomes = await asyncio.gather(*(_publish_lane(producer, *lane, rows) for lane, rows in lanes.items()))
    published = [position for positions, _error in outcomes for position in positions]
    marked = outbox.c.position == any_(literal(published, sa.ARRAY(sa.BigInteger)))
    await connection.execute(update(outbox).where(marked).values(published_at=now()))
    for error in filter(None, (error for _positions, error in outcomes)):
        raise error
    return len(published)


async def _by_partition(
    producer: aiokafka.AIOKafkaProducer, rows: Sequence[Waiting]
) -> dict[tuple[str, int], list[Waiting]]:
    partitions = {topic: sorted(await producer.partitions_for(topic)) for topic in {row.topic for row in rows}}
    lanes: dict[tuple[str, int], list[Waiting]] = defaultdict(list)
    for row in rows:
        # CRC-32, like librdkafka. The murmur2 of Java clients costs 8 µs an event in Python; none of them writes here.
        lanes[row.topic, partitions[row.topic][zlib.crc32(row.key) % len(partitions[row.topic])]].append(row)
    return lanes


async def _publish_lane(
    producer: aiokafka.AIOKafkaProducer, topic: str, partition: int, rows: Sequence[Waiting]
) -> tuple[list[int], KafkaError | None]:
    # One batch of a partition at a time, and a failure stops the lane: else a retry would reorder one key's events.
    # The embedded broker does not support the idempotent producer that would prevent this.
    published: list[int] = []
    while len(published) < len(rows):
        batch = producer.create_batch()
        sent: list[int] = []
        for row in rows[len(published) :]:
            if batch.append(key=row.key, value=row.payload, timestamp=None, headers=_HEADERS) is None:
                break
            sent.append(row.position)
        try:
            await (await producer.send_batch(batch, topic, partition=partition))
        except KafkaError as error:
            return published, error
        published += sent
        EVENTS_PUBLISHED.labels(topic).inc(len(sent))
    return published, None


async def resend(engine: AsyncEngine) -> int:
    """Mark every retained event as waiting again, for a broker that lost its data. Returns their number."""
    async with engine.begin() as connection:
        retained = update(outbox).where(outbox.c.published_at.is_not(None)).values(published_at=None)
        return (await connection.execute(retained)).rowcount


async def resend_all(packages: Sequence[str]) -> None:
    """Mark the retained events of these services as waiting again."""
    for package in packages:
        database = Database.of(settings_of(package))
        count = await resend(database.engine)
        await database.close()
        sys.stdout.write(f"{package}: {count} retained events will be sent again.\n")


if __name__ == "__main__":
    if sys.argv[1:2] != ["resend"] or not sys.argv[2:]:
        raise SystemExit("usage: python -m chassis.outbox resend svc_NAME...")
    asyncio.run(resend_all(sys.argv[2:]))
