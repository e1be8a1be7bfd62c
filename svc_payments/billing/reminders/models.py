"""Reminders of open bills, once for each stage, and residents' preferences."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, one_of
from svc_payments.base import Base


class ReminderKind(StrEnum):
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    LARGE_CHANGE = "large_change"
    """Much more or much less than usual."""


class ComparedWith(StrEnum):
    LAST_YEAR = "last_year"
    """The same month of the year before."""
    LAST_MONTHS = "last_months"
    """The average of the three months before, where there is no bill of last year."""


class Reminder(Base):
    """A person is reminded of a bill. A kind comes once for a bill; of being overdue, once at each stage."""

    __tablename__ = "reminders"
    __table_args__ = (
        UniqueConstraint("bill_id", "person_id", "kind", "stage"),
        one_of("kind", ReminderKind),
        one_of("compared_with", ComparedWith),
        Index("ix_reminders_person_id_id", "person_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    # No foreign key: a run would look up what its own statement has just read, and bills are never deleted.
    bill_id: Mapped[UUID]
    person_id: Mapped[UUID]
    kind: Mapped[ReminderKind] = mapped_column(Text)
    stage: Mapped[int]
    """For `overdue`, the days overdue at which it is sent; otherwise 0."""
    day: Mapped[date]
    """In China."""
    compared_with: Mapped[ComparedWith | None] = mapped_column(Text)
    usual_fen: Mapped[int | None] = mapped_column(BigInteger)
    """Of `large_change`, what the bill is compared with."""
    raised_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())


class ReminderRun(Base):
    """A day's walk through open bills in the order of (due date, id), and its position."""

    __tablename__ = "reminder_runs"

    day: Mapped[date] = mapped_column(primary_key=True)
    due_date: Mapped[date]
    bill_id: Mapped[UUID]
    """Bills up to and including this one are done."""
    bills: Mapped[int] = mapped_column(BigInteger, server_default="0")
    reminders: Mapped[int] = mapped_column(BigInteger, server_default="0")
    started_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)


class MutedReminder(Base):
    """A kind of reminder that a person has switched off for an account."""

    __tablename__ = "muted_reminders"
    __table_args__ = (one_of("kind", ReminderKind),)

    binding_id: Mapped[UUID] = mapped_column(ForeignKey("account_bindings.binding_id"), primary_key=True)
    kind: Mapped[ReminderKind] = mapped_column(Text, primary_key=True)
    muted_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
