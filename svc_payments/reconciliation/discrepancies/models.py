"""Discrepancies: a difference to clear up by a deadline, and its resolution."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from chassis.problems import checked_move
from svc_payments.base import Base
from svc_payments.reconciliation.runs.models import DIFFERENCES
from svc_payments.reconciliation.statements.models import Movement, Source


class DiscrepancyStatus(StrEnum):
    OPEN = "open"
    PROPOSED = "proposed"
    """A write-off is proposed; a second person has to approve it."""
    CLOSED = "closed"


class Resolution(StrEnum):
    RESOLVED = "resolved"
    """A later run no longer found the difference."""
    SETTLED = "settled"
    """The other side has corrected it: its entry in suspense is reversed."""
    WRITTEN_OFF = "written_off"
    """It stays: what was recorded in suspense becomes our loss or gain."""


TRANSITIONS: dict[DiscrepancyStatus, set[DiscrepancyStatus]] = {
    DiscrepancyStatus.OPEN: {DiscrepancyStatus.PROPOSED, DiscrepancyStatus.CLOSED},
    DiscrepancyStatus.PROPOSED: {DiscrepancyStatus.OPEN, DiscrepancyStatus.CLOSED},
    DiscrepancyStatus.CLOSED: set(),
}


class DiscrepancyAct(StrEnum):
    """What happened to a case."""

    OPENED = "opened"
    HANDED_OVER = "handed_over"
    COMMENTED = "commented"
    WRITE_OFF_PROPOSED = "write_off_proposed"
    WRITE_OFF_REFUSED = "write_off_refused"
    CLOSED = "closed"


class Discrepancy(Base):
    """One difference of one day. While it is open its amount is in suspense, if it is about a channel's money."""

    __tablename__ = "cases"
    __table_args__ = (
        one_of("source", Source),
        one_of("movement", Movement),
        one_of("status", DiscrepancyStatus),
        one_of("resolution", Resolution),
        CheckConstraint(f"result IN ({', '.join(repr(result.value) for result in DIFFERENCES)})", name="result"),
        CheckConstraint("(status = 'closed') = (resolution IS NOT NULL)", name="closed_with_resolution"),
        # A movement has one case at a time. One that a person has closed is not opened again: the runs check that.
        Index(
            "uq_cases_unclosed",
            "source",
            "holder",
            "number",
            "transaction_id",
            unique=True,
            postgresql_where=text("status <> 'closed'"),
        ),
        Index(None, "source", "holder", "day"),
        Index(None, "reference_id"),
        Index(None, "number"),
        Index(None, "transaction_id"),
        Index("ix_cases_due", "due_at", postgresql_where=text("status <> 'closed'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    source: Mapped[Source] = mapped_column(Text)
    holder: Mapped[str] = mapped_column(Text)
    day: Mapped[date] = mapped_column(Date)
    movement: Mapped[Movement] = mapped_column(Text)
    number: Mapped[str] = mapped_column(Text)
    transaction_id: Mapped[str] = mapped_column(Text)
    result: Mapped[str] = mapped_column(Text)
    statement_fen: Mapped[int | None] = mapped_column(BigInteger)
    ledger_fen: Mapped[int | None] = mapped_column(BigInteger)
    difference_fen: Mapped[int] = mapped_column(BigInteger)
    """What the statement has more than the ledger."""
    reference_id: Mapped[UUID | None]
    """Our payment, refund or posting, where the number says which."""
    status: Mapped[DiscrepancyStatus] = mapped_column(Text, default=DiscrepancyStatus.OPEN)
    owner_role: Mapped[str] = mapped_column(Text)
    assignee_id: Mapped[UUID | None]
    """The assignee; empty while unassigned."""
    due_at: Mapped[datetime] = mapped_column(Timestamp)
    proposed_by: Mapped[str | None] = mapped_column(Text)
    """The person who proposed the write-off; another one has to agree."""
    resolution: Mapped[Resolution | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    closed_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: DiscrepancyStatus) -> None:
        self.status = checked_move(TRANSITIONS, DiscrepancyStatus(self.status), status)


class DiscrepancyEntry(Base):
    """What happened to a case, in order; only ever added to, which the database enforces."""

    __tablename__ = "case_entries"
    __table_args__ = (one_of("act", DiscrepancyAct), Index(None, "case_id", "id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey(Discrepancy.id))
    act: Mapped[DiscrepancyAct] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    """The subject of the caller's token; `system` for what a run did."""
    words: Mapped[str | None] = mapped_column(Text)
    """A comment or a reason, as it was written."""
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
