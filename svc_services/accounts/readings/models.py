"""Readings that residents take of their meters, when a provider takes them, and the meters it has changed."""

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, SmallInteger, Text, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from svc_services.accounts.bindings.models import AccountBinding
from svc_services.base import Base

Quantity = Numeric(12, 3)


class MeterBook(Base):
    """A provider's readings, numbered without gaps, and the days of the month on which it takes them."""

    __tablename__ = "meter_books"
    __table_args__ = (
        CheckConstraint("num_nulls(first_day, last_day) <> 1", name="days"),
        CheckConstraint("first_day BETWEEN 1 AND 31 AND last_day BETWEEN 1 AND 31", name="days_of_month"),
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"), primary_key=True)
    first_day: Mapped[int | None] = mapped_column(SmallInteger)
    last_day: Mapped[int | None] = mapped_column(SmallInteger)
    """Lower than the first where the days go past the end of a month."""
    last_number: Mapped[int] = mapped_column(BigInteger, default=0)


class MeterChange(Base):
    """A provider's report that an account has another meter."""

    __tablename__ = "meter_changes"
    __table_args__ = (Index("uq_meter_changes_day", "provider_id", "account_number", "changed_on", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    account_number: Mapped[str] = mapped_column(Text)
    changed_on: Mapped[date]
    first_reading: Mapped[Decimal] = mapped_column(Quantity)
    """Of the new meter."""
    digits: Mapped[int | None] = mapped_column(SmallInteger)
    """How many the new meter shows before its decimal point."""
    reported_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class MeterReading(Base):
    __tablename__ = "meter_readings"
    __table_args__ = (
        CheckConstraint("reading >= 0 AND usage >= 0", name="not_negative"),
        Index("uq_meter_readings_number", "provider_id", "number", unique=True),
        Index(
            "uq_meter_readings_day",
            *("provider_id", "account_number", "read_on"),
            unique=True,
            postgresql_where=text("replaced_at IS NULL"),
        ),
        Index(None, "binding_id"),
        Index("ix_meter_readings_photo_id", "photo_id", postgresql_where=text("photo_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    number: Mapped[int] = mapped_column(BigInteger)
    """In the book of the provider; given under its lock, so that the numbers are in the order of commits."""
    account_number: Mapped[str] = mapped_column(Text)
    binding_id: Mapped[UUID | None] = mapped_column(ForeignKey("account_bindings.id"))
    """Of who took it; none after they have closed their account."""
    read_on: Mapped[date]
    """The day in China."""
    reading: Mapped[Decimal] = mapped_column(Quantity)
    usage: Mapped[Decimal | None] = mapped_column(Quantity)
    """Since the reading before; none for the first one."""
    rolled_over: Mapped[bool] = mapped_column(default=False)
    """The meter began again at 0 since the reading before."""
    confirmed: Mapped[bool] = mapped_column(default=False)
    """The person was asked about an unusual reading, and meant it."""
    replaces: Mapped[UUID | None] = mapped_column(ForeignKey("meter_readings.id"))
    """The reading of the same day that this one corrects."""
    replaced_at: Mapped[datetime | None] = mapped_column(Timestamp)
    submitted_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    photo_id: Mapped[UUID | None]
    """A material that shows the meter, until it is deleted."""


async def forget_photos(tx: AsyncSession, material_ids: Collection[UUID]) -> None:
    """Unlink deleted photos; the readings stay."""
    await tx.execute(update(MeterReading).where(MeterReading.photo_id.in_(material_ids)).values(photo_id=None))


async def forget_readers(tx: AsyncSession, person_id: UUID) -> None:
    """Unlink the readings of a person who has closed their account; they are the meter's."""
    of_person = select(AccountBinding.id).where(AccountBinding.person_id == person_id)
    await tx.execute(update(MeterReading).where(MeterReading.binding_id.in_(of_person)).values(binding_id=None))
