"""Consumed events: each is claimed in the inbox in the transaction that does its work, so it takes effect once.

Delivery is at least once. A failed event is retried with backoff and then parked as a dead letter with an alert; an
offset is never committed past a failure that is not parked.
"""

import asyncio
import contextlib
import sys
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import ARRAY, Column, Index, PrimaryKeyConstraint, Table, Text, Uuid, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import dead_letters
from chassis.db import Database, Timestamp, chassis_metadata, is_connection_lost, now
from chassis.kafka import closed, ensure_topics, resume, watching
from chassis.outbox import topic_of
from chassis.telemetry import DEAD_LETTERS, EVENTS_HANDLED, continue_trace, log

RETENTION = timedelta(days=30)
"""Longer than the outbox's, so that resent events are still recognised."""
_BACKOFF_SECONDS = (0.1, 0.5, 2.0, 5.0)
_BATCH = 4_000

inbox = Table(
    "inbox",
    chassis_metadata,
    Column("consumer", Text, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("handled_at", Timestamp, nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("consumer", "event_id"),
)
Index("ix_inbox_handled_at", inbox.c.handled_at)


class EventData(BaseModel):
    """A consumer's own model of another service's event: only the fields it uses; others are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Named = Annotated[str, Field(min_length=1)]


class Envelope(BaseModel):
    """The attributes that consumers use of a CloudEvents 1.0 event in structured JSON.

    Parsing is most of the cost of an event, and the CloudEvents library takes five times as long.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    specversion: Literal["1.0"]
    id: UUID
    source: Named
    type: Named
    time: AwareDatetime | None = None
    data: Any = None
    traceparent: str | None = None


Data = TypeVar("Data", bound=EventData)


class Received(NamedTuple, Generic[Data]):
    """One event as passed to its handler."""

    id: UUID
    type: str
    time: datetime
    data: Data
    traceparent: str | None = None


Handle = Callable[[AsyncSession, Received[Data]], Awaitable[None]]


@dataclass(frozen=True)
class Handler(Generic[Data]):
    """A consumed event type, the reader model of its data, and the function to run in the transaction."""

    event_type: str
    data: type[Data]
    handle: Handle[Data]

    @property
    def topic(self) -> str:
        return topic_of(self.event_type)


# Each handler takes its own data class, so no single type argument fits them all.
AnyHandler = Handler[Any]


class Poison(Exception):  # noqa: N818 - the message is at fault
    """A message that no retry can fix: not an event, or with data that does not match its type."""


async def claim(tx: AsyncSession, consumer: str, ids: Sequence[UUID]) -> set[UUID]:
    """Claim events for a consumer; returns those it has not handled before."""
    claimed = (
        insert(inbox)
        .from_select(
            ["consumer", "event_id"], select(literal(consumer, Text), func.unnest(literal(list(ids), ARRAY(Uuid))))
        )
        .on_conflict_do_nothing()
        .returning(inbox.c.event_id)
    )
    return set((await tx.scalars(claimed)).all())


@dataclass
class Consumer:
    """Runs one service's event handlers for the life of its worker."""

    name: str
    database: Database
    kafka: Mapping[str, Any] = field(repr=False)
    handlers: Sequence[AnyHandler]

    def __post_init__(self) -> None:
        self._by_type: Mapping[str, AnyHandler] = {handler.event_type: handler for handler in self.handlers}

    async def run(self) -> None:
        """Consume until cancelled."""
        await resume("consumer", self._consume)

    async def _consume(self) -> None:
        topics = sorted({handler.topic for handler in self.handlers})
        await ensure_topics(self.kafka, topics)
        source = AIOKafkaConsumer(
            *topics, **self.kafka, group_id=f"myili-{self.name}", enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await source.start()
            async with watching("consumer", self.kafka, topics):
                while True:
                    batches = await source.getmany(timeout_ms=1_000, max_records=_BATCH)
                    if batches:
                        await self.handle([record for records in batches.values() for record in records])
                        await self._commit(source, {part: records[-1].offset + 1 for part, records in batches.items()})
        finally:
            await closed(source.stop())

    async def _commit(self, source: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
        # After a rebalance the partition's new owner reads these again, and the inbox drops them.
        with contextlib.suppress(CommitFailedError):
            await source.commit(offsets)

    async def handle(self, records: Sequence[ConsumerRecord]) -> None:
        """Handle records in order: together in one transaction, or one by one when that fails."""
        try:
            await self._handle_together([self._parse(record) for record in records])
        except Exception as error:
            if is_connection_lost(error):
                raise
            for record in records:
                await self._handle_with_retries(record)

    async def _handle_together(self, events: Sequence[Received[EventData] | None]) -> None:
        wanted = [event for event in events if event]
        if not wanted:
            return
        async with self.database.transaction() as tx:
            fresh = await claim(tx, self.name, [event.id for event in wanted])
            for event in wanted:
                # Removing also drops a duplicate within the batch.
                if event.id in fresh:
                    fresh.remove(event.id)
                    continue_trace(event.traceparent)
                    await self._by_type[event.type].handle(tx, event)
        for event_type, number in Counter(event.type for event in wanted).items():
            EVENTS_HANDLED.labels(event_type).inc(number)

    async def _handle_with_retries(self, record: ConsumerRecord) -> None:
        for pause in (*_BACKOFF_SECONDS, None):
            try:
                await self._handle_together([self._parse(record)])
            except Exception as error:
                if is_connection_lost(error):
                    raise
                if pause is None or isinstance(error, Poison):
                    await self._park(record, error)
                    return
                log.warning("event_retried", consumer=self.name, topic=record.topic, error=type(error).__name__)
                await asyncio.sleep(pause)
            else:
                return

    async def _park(self, record: ConsumerRecord, error: Exception) -> None:
        log.error("event_parked", consumer=self.name, topic=record.topic, offset=record.offset, exc_info=error)
        DEAD_LETTERS.labels(record.topic).inc()
        reason = str(error) if isinstance(error, Poison) else type(error).__name__
        async with self.database.transaction() as tx:
            await dead_letters.park(tx, self.name, record, reason)

    def _parse(self, record: ConsumerRecord) -> Received[EventData] | None:
        """The event; None if the service does not consume its type."""
        return self._parse_payload(record.topic, record.value or b"")

    def _parse_payload(self, topic: str, payload: bytes) -> Received[EventData] | None:
        try:
            envelope = Envelope.model_validate_json(payload)
        except ValidationError:
            raise Poison("not a CloudEvents 1.0 JSON event") from None
        handler = self._by_type.get(envelope.type)
        if handler is None:
            return None
        if handler.topic != topic:  # in a topic of its own, another service could forge any type
            raise Poison("its type does not belong to its topic")
        try:
            data = handler.data.model_validate(envelope.data)
        except ValidationError as error:
            fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
            raise Poison(f"the data does not fit its type: {fields}") from None
        return Received(envelope.id, envelope.type, envelope.time or now(), data, envelope.traceparent)

    async def prune(self) -> None:
        """Delete entries too old for their events to be resent."""
        async with self.database.transaction() as tx:
            await tx.execute(delete(inbox).where(inbox.c.handled_at < now() - RETENTION))

    async def replay_dead_letters(self) -> tuple[int, int]:
        """Retry every parked event, oldest first. Returns how many succeeded and how many still fail."""
        async with self.database.read() as tx:
            parked = await dead_letters.waiting(tx, self.name)
        results: dict[bool, int] = defaultdict(int)
        for identifier, topic, payload in parked:
            try:
                await self._handle_together([self._parse_payload(topic, payload)])
            except Exception as error:
                if is_connection_lost(error):
                    raise
                sys.stderr.write(f"{identifier} still fails: {type(error).__name__}\n")
                results[False] += 1
                continue
            async with self.database.transaction() as tx:
                await dead_letters.mark_replayed(tx, identifier)
            results[True] += 1
        return results[True], results[False]
