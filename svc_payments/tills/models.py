"""Till sessions of one-stop counters: one clerk's time at one till, with its payments and its counts of the drawer."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_payments.base import Base
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.refunds.models import Refund

DENOMINATIONS = (10_000, 5_000, 2_000, 1_000, 500, 100, 50, 10, 5, 2, 1)
"""Notes and coins that circulate, in fen: 100 to 1 yuan, 5 and 1 jiao, 5, 2 and 1 fen."""


class SessionStatus(StrEnum):
    OPEN = "open"
    """The clerk takes payments."""
    COUNTED = "counted"
    """The clerk has counted the drawer; nothing more is taken, and a supervisor closes or has it counted again."""
    CLOSED = "closed"
    """A supervisor has closed it; any difference is booked."""
    DEPOSITED = "deposited"
    """The cash is at the bank."""


TRANSITIONS: dict[SessionStatus, set[SessionStatus]] = {
    SessionStatus.OPEN: {SessionStatus.COUNTED},
    SessionStatus.COUNTED: {SessionStatus.OPEN, SessionStatus.CLOSED},
    SessionStatus.CLOSED: {SessionStatus.DEPOSITED},
    SessionStatus.DEPOSITED: set(),
}
_AT_THE_TILL = text("status IN ('open', 'counted')")


class TillSession(Base):
    __tablename__ = "till_sessions"
    __table_args__ = (
        one_of("status", SessionStatus),
        CheckConstraint("opening_float_fen >= 0", name="opening_float_fen"),
        second_person_check("closed_by", "clerk_id"),
        CheckConstraint(
            "status IN ('open', 'counted') OR num_nulls(closed_by, closed_at, expected_fen, counted_fen) = 0",
            name="closed_whole",
        ),
        CheckConstraint(
            "status <> 'deposited' OR num_nulls(deposited_by, deposited_at, deposit_reference) = 0",
            name="deposited_whole",
        ),
        Index("uq_till_sessions_clerk", "clerk_id", unique=True, postgresql_where=_AT_THE_TILL),
        Index("uq_till_sessions_till", "organisation_id", "till_number", unique=True, postgresql_where=_AT_THE_TILL),
        Index("ix_till_sessions_organisation_id_id", "organisation_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID]
    """The counter: the organisation whose clerk it is."""
    division_code: Mapped[str | None] = mapped_column(Text)
    till_number: Mapped[str] = mapped_column(Text)
    clerk_id: Mapped[UUID]
    status: Mapped[SessionStatus] = mapped_column(Text, default=SessionStatus.OPEN)
    opening_float_fen: Mapped[int] = mapped_column(BigInteger)
    """The opening float; it belongs to the counter and is never in the ledger."""
    opened_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    expected_fen: Mapped[int | None] = mapped_column(BigInteger)
    """The expected and the counted cash at the last count."""
    counted_fen: Mapped[int | None] = mapped_column(BigInteger)
    closed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    closed_by: Mapped[UUID | None]
    deposited_at: Mapped[datetime | None] = mapped_column(Timestamp)
    deposited_by: Mapped[UUID | None]
    deposit_reference: Mapped[str | None] = mapped_column(Text, unique=True)
    """The number of the bank's slip."""

    @property
    def difference_fen(self) -> int | None:
        """Counted less expected cash; negative if cash is missing."""
        if self.counted_fen is None or self.expected_fen is None:
            return None
        return self.counted_fen - self.expected_fen

    def move_to(self, status: SessionStatus) -> None:
        self.status = checked_move(TRANSITIONS, SessionStatus(self.status), status)


class TillPayment(Base):
    """A payment over the counter: what the payer handed over, or what the card terminal printed."""

    __tablename__ = "till_payments"
    __table_args__ = (
        CheckConstraint("(tendered_fen IS NULL) = (change_fen IS NULL)", name="tendered_whole"),
        CheckConstraint("tendered_fen > 0 AND change_fen >= 0 AND change_fen < tendered_fen", name="change_fen"),
        CheckConstraint(
            "num_nulls(merchant_number, terminal_number, batch_number, trace_number, retrieval_number) IN (0, 5)",
            name="terminal_whole",
        ),
        CheckConstraint("tendered_fen IS NULL OR trace_number IS NULL", name="cash_or_card"),
        # A terminal gives each of its transactions one number within a batch.
        UniqueConstraint("merchant_number", "terminal_number", "batch_number", "trace_number", name="slip"),
        Index("ix_till_payments_till_session_id", "till_session_id"),
        Index(None, "retrieval_number"),
    )

    payment_id: Mapped[UUID] = mapped_column(ForeignKey(Payment.id), primary_key=True)
    till_session_id: Mapped[UUID] = mapped_column(ForeignKey(TillSession.id))
    account_number: Mapped[str] = mapped_column(Text)
    tendered_fen: Mapped[int | None] = mapped_column(BigInteger)
    change_fen: Mapped[int | None] = mapped_column(BigInteger)
    merchant_number: Mapped[str | None] = mapped_column(Text)
    terminal_number: Mapped[str | None] = mapped_column(Text)
    batch_number: Mapped[str | None] = mapped_column(Text)
    trace_number: Mapped[str | None] = mapped_column(Text)
    retrieval_number: Mapped[str | None] = mapped_column(Text)
    """The acquirer's number (RRN), by which the bank finds the transaction."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    voided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the money was returned within the session, in cash or by the terminal."""


class TillPayout(Base):
    """Money of a refund that was given to its payer at the counter; only ever added to."""

    __tablename__ = "till_payouts"
    __table_args__ = (
        CheckConstraint("cash_fen >= 0", name="cash_fen"),
        Index("ix_till_payouts_till_session_id", "till_session_id"),
    )

    refund_id: Mapped[UUID] = mapped_column(ForeignKey(Refund.id), primary_key=True)
    till_session_id: Mapped[UUID] = mapped_column(ForeignKey(TillSession.id))
    cash_fen: Mapped[int] = mapped_column(BigInteger)
    """Cash paid from the drawer; 0 for a card, refunded by the terminal."""
    proof: Mapped[str | None] = mapped_column(Text)
    """How the payer proved themselves; none was asked for before 0.4.0."""
    approved_by: Mapped[UUID | None]
    """The supervisor, where there had to be one."""
    paid_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())


class TillCount(Base):
    """One count of a drawer; only ever added to, which the database enforces."""

    __tablename__ = "till_counts"
    __table_args__ = (
        CheckConstraint("counted_fen >= 0", name="counted_fen"),
        Index("ix_till_counts_till_session_id", "till_session_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    till_session_id: Mapped[UUID] = mapped_column(ForeignKey(TillSession.id))
    counted_by: Mapped[UUID]
    pieces: Mapped[dict[str, int]] = mapped_column(JSONB)
    """How many of each denomination, which is named in fen."""
    counted_fen: Mapped[int] = mapped_column(BigInteger)
    expected_fen: Mapped[int] = mapped_column(BigInteger)
    counted_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
