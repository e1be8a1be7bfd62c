"""Events that no retry could handle, kept until an operator replays them."""

from collections.abc import Sequence
from uuid import UUID

from aiokafka import ConsumerRecord
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Row, Table, Text, Uuid, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Timestamp, chassis_metadata, new_id, now

dead_letters = Table(
    "dead_letters",
    chassis_metadata,
    Column("id", Uuid, primary_key=True),
    Column("consumer", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("log_offset", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("error", Text, nullable=False),
    Column("parked_at", Timestamp, nullable=False, server_default=func.now()),
    Column("replayed_at", Timestamp),
)


async def park(tx: AsyncSession, consumer: str, record: ConsumerRecord, error: str) -> None:
    at = {"topic": record.topic, "partition": record.partition, "log_offset": record.offset}
    row = {"id": new_id(), "consumer": consumer, **at, "payload": record.value or b"", "error": error}
    await tx.execute(dead_letters.insert().values(row))


async def waiting(tx: AsyncSession, consumer: str) -> Sequence[Row[UUID, str, bytes]]:
    """The id, topic and payload of each event not yet replayed, oldest first."""
    parked = select(dead_letters.c.id, dead_letters.c.topic, dead_letters.c.payload).where(
        dead_letters.c.replayed_at.is_(None), dead_letters.c.consumer == consumer
    )
    return (await tx.execute(parked.order_by(dead_letters.c.parked_at, dead_letters.c.id))).all()


async def mark_replayed(tx: AsyncSession, dead_letter_id: UUID) -> None:
    await tx.execute(update(dead_letters).where(dead_letters.c.id == dead_letter_id).values(replayed_at=now()))
