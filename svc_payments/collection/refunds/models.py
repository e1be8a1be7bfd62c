"""Refunds: money on its way back to its payer, automatically or by a decision.

A row is one try under one number: when the channel fails, a retry is another row. Reserved and refunded amounts are
counted in the payment and its line, where the database keeps their sum from exceeding what was paid.
"""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from kit.leases import Pollable
from svc_payments.base import Base
from svc_payments.collection.payments.models import Payment
from svc_payments.settings.channels import ChannelName


class RefundStatus(StrEnum):
    REQUESTED = "requested"
    """The payer requested it; an operator decides."""
    PROPOSED = "proposed"
    """An operator proposed it; the amount needs a second one."""
    UNBOOKING = "unbooking"
    """The provider has to reverse its booking first."""
    BOOKING_KEPT = "booking_kept"
    """The provider keeps its booking; an operator decides whether to refund the money anyway."""
    STARTED = "started"
    """The money is set apart, and the refund is about to be requested from the channel."""
    REFUNDING = "refunding"
    """The channel is at it."""
    UNKNOWN = "unknown"
    """The outcome at the channel is unknown. It is polled until known; no other refund takes its place meanwhile."""
    ABNORMAL = "abnormal"
    """The channel has the money and could not deliver it: people finish it in the channel's console, under the same
    number. It is polled meanwhile, and no other refund takes its place."""
    AT_COUNTER = "at_counter"
    """Waits for the payer at a counter."""
    BY_TRANSFER = "by_transfer"
    """Waits for the people who send it by a bank transfer."""
    REFUNDED = "refunded"
    """The payer has it."""
    FAILED = "failed"
    """The channel refused or failed to refund it; staff retry or choose another way."""
    RETRIED = "retried"
    """It failed, and another refund took its place."""
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    """Another refund gave back what it was for, before it was decided."""


_DECIDED = {RefundStatus.UNBOOKING, RefundStatus.STARTED, RefundStatus.AT_COUNTER, RefundStatus.BY_TRANSFER}
_REFUSED = {RefundStatus.REJECTED, RefundStatus.SUPERSEDED}
_END = {RefundStatus.REFUNDED, RefundStatus.FAILED}
TRANSITIONS: dict[RefundStatus, set[RefundStatus]] = {
    RefundStatus.REQUESTED: {RefundStatus.PROPOSED, *_REFUSED, *_DECIDED},
    RefundStatus.PROPOSED: {*_REFUSED, *_DECIDED},
    RefundStatus.UNBOOKING: {RefundStatus.BOOKING_KEPT, *_DECIDED - {RefundStatus.UNBOOKING}},
    RefundStatus.BOOKING_KEPT: {*_REFUSED, *_DECIDED - {RefundStatus.UNBOOKING}},
    RefundStatus.STARTED: {RefundStatus.REFUNDING, RefundStatus.UNKNOWN, RefundStatus.ABNORMAL, *_END},
    RefundStatus.REFUNDING: {RefundStatus.UNKNOWN, RefundStatus.ABNORMAL, *_END},
    RefundStatus.UNKNOWN: {RefundStatus.REFUNDING, RefundStatus.ABNORMAL, *_END},
    RefundStatus.ABNORMAL: {RefundStatus.REFUNDING, RefundStatus.UNKNOWN, *_END},
    RefundStatus.AT_COUNTER: _END,
    RefundStatus.BY_TRANSFER: _END,
    RefundStatus.FAILED: {RefundStatus.RETRIED},
    RefundStatus.REFUNDED: set(),
    RefundStatus.RETRIED: set(),
    RefundStatus.REJECTED: set(),
    RefundStatus.SUPERSEDED: set(),
}
UNDECIDED = {RefundStatus.REQUESTED, RefundStatus.PROPOSED, RefundStatus.BOOKING_KEPT}
WAITING_FOR_PEOPLE = {
    *UNDECIDED,
    RefundStatus.AT_COUNTER,
    RefundStatus.BY_TRANSFER,
    RefundStatus.FAILED,
    RefundStatus.ABNORMAL,
}
AT_CHANNEL = {RefundStatus.STARTED, RefundStatus.REFUNDING, RefundStatus.UNKNOWN, RefundStatus.ABNORMAL}


class RefundReason(StrEnum):
    POSTING_REFUSED = "posting_refused"
    """The provider did not book it."""
    POSTING_UNANSWERED = "posting_unanswered"
    """The provider did not answer within its time."""
    MONEY_HELD = "money_held"
    """The money arrived when its bills could no longer be paid."""
    SECOND_TRANSACTION = "second_transaction"
    """The channel took the money of one order twice."""
    APPLICATION_ENDED = "application_ended"
    """A fee was paid for an application that had ended, or by a quote that another had replaced."""
    PAYEE_DECIDED = "payee_decided"
    """The server of a mini-app requested it for the payee of an order."""
    PAID_TWICE = "paid_twice"
    WRONG_ACCOUNT = "wrong_account"
    OVERCHARGED = "overcharged"
    AGREED_WITH_PROVIDER = "agreed_with_provider"
    OTHER = "other"


BY_ITSELF = {
    RefundReason.POSTING_REFUSED,
    RefundReason.POSTING_UNANSWERED,
    RefundReason.MONEY_HELD,
    RefundReason.SECOND_TRANSACTION,
    RefundReason.APPLICATION_ENDED,
}


class RefundWay(StrEnum):
    CHANNEL = "channel"
    """The way it came."""
    COUNTER = "counter"
    """Paid out at a counter."""
    BANK_TRANSFER = "bank_transfer"
    """Sent by people, when the way it came is closed."""


class RefundSource(StrEnum):
    """The account of the ledger that it comes out of."""

    CLEARING = "clearing"
    """The payer's: no provider has booked it."""
    PROVIDER = "provider"
    """The provider's: the bill stays paid."""
    SUSPENSE = "suspense"
    """Money that paid nothing."""


class SecondTransaction(Base):
    """Money that a channel took for an order that was paid already."""

    __tablename__ = "second_transactions"
    __table_args__ = (
        UniqueConstraint("channel", "transaction_id"),
        CheckConstraint("amount_fen > 0", name="amount_positive"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey(Payment.id), index=True)
    channel: Mapped[ChannelName] = mapped_column(Text)
    transaction_id: Mapped[str] = mapped_column(Text)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    paid_at: Mapped[datetime] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())


class Refund(Pollable, Base):
    __tablename__ = "refunds"
    __table_args__ = (
        one_of("status", RefundStatus),
        one_of("reason", RefundReason),
        one_of("way", RefundWay),
        one_of("source", RefundSource),
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        second_person_check("approved_by", "proposed_by"),
        ForeignKeyConstraint(["payment_id", "bill_id"], ["payment_lines.payment_id", "payment_lines.bill_id"]),
        CheckConstraint("bill_id IS NULL OR second_transaction_id IS NULL", name="one_origin"),
        # One movement of money is refunded once, as a whole.
        Index(
            "uq_refunds_second_transaction_id",
            "second_transaction_id",
            unique=True,
            postgresql_where=text("status <> 'retried'"),
        ),
        Index("ix_refunds_due", "ask_at", postgresql_where=text("ask_at IS NOT NULL")),
        Index("ix_refunds_status_id", "status", "id"),
        # A day of a channel, for reconciliation.
        Index("ix_refunds_refunded_at", "refunded_at", postgresql_where=text("refunded_at IS NOT NULL")),
        Index(None, "payment_id"),
        Index(None, "reference"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(Text, unique=True)
    """Our own number of it at the channel."""
    payment_id: Mapped[UUID] = mapped_column(ForeignKey(Payment.id))
    bill_id: Mapped[UUID | None]
    """The bill that is refunded; none when the money paid no bill."""
    second_transaction_id: Mapped[UUID | None] = mapped_column(ForeignKey(SecondTransaction.id))
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[RefundReason] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    """The proposer's free text; shown to the payer and to staff, and never logged."""
    rejection: Mapped[str | None] = mapped_column(Text)
    """Why it was rejected, in free text; shown to the payer, as the note is."""
    way: Mapped[RefundWay] = mapped_column(Text)
    source: Mapped[RefundSource] = mapped_column(Text)
    status: Mapped[RefundStatus] = mapped_column(Text)
    requested_by: Mapped[UUID | None]
    proposed_by: Mapped[UUID | None]
    """The first operator; none for an automatic refund."""
    approved_by: Mapped[UUID | None]
    """The second operator, where there must be one."""
    retry_of: Mapped[UUID | None] = mapped_column(ForeignKey("refunds.id"), unique=True)
    reference: Mapped[str | None] = mapped_column(Text)
    """The channel's, counter's or bank's own number of it."""
    failure: Mapped[str | None] = mapped_column(Text)
    """The channel's code for why it failed."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    started_at: Mapped[datetime | None] = mapped_column(Timestamp)
    refunded_at: Mapped[datetime | None] = mapped_column(Timestamp)

    payment: Mapped[Payment] = relationship(lazy="raise", viewonly=True)
    """For reading; a writer locks the payment separately."""

    def move_to(self, status: RefundStatus) -> None:
        self.status = checked_move(TRANSITIONS, RefundStatus(self.status), status)


class RefundOperatorDay(Base):
    """What one operator has proposed and approved on a day, and how much of it alone."""

    __tablename__ = "refund_operator_days"

    operator_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    refunds: Mapped[int] = mapped_column(Integer, server_default="0")
    amount_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    alone_refunds: Mapped[int] = mapped_column(Integer, server_default="0")
    alone_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
