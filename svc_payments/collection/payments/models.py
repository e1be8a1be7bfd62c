"""Payments: one intent of one person for bills of one provider, and its order at a channel."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, one_of
from chassis.problems import checked_move
from kit.leases import Pollable
from svc_payments.base import Base
from svc_payments.billing.bills.models import Part
from svc_payments.settings.channels import ChannelName


class PaymentStatus(StrEnum):
    CREATED = "created"
    """The bills are reserved; the resident has not confirmed yet."""
    PENDING = "pending"
    """An order is open at the channel, waiting for the resident's money."""
    UNKNOWN = "unknown"
    """The outcome at the channel is unknown. It blocks another payment and is polled until known."""
    CAPTURED = "captured"
    """The money has arrived and is in the ledger."""
    POSTING = "posting"
    """The posting is being sent to the provider."""
    COMPLETED = "completed"
    """The provider has booked every bill that was not refunded."""
    REVERSING = "reversing"
    """Money is on its way back to the payer."""
    REFUNDED = "refunded"
    """All of the money is refunded."""
    FAILED = "failed"
    """The channel would not take the order."""
    EXPIRED = "expired"
    """It was not paid in time, and the order is closed."""


TRANSITIONS: dict[PaymentStatus, set[PaymentStatus]] = {
    PaymentStatus.CREATED: {PaymentStatus.PENDING, PaymentStatus.EXPIRED},
    PaymentStatus.PENDING: {
        PaymentStatus.UNKNOWN,
        PaymentStatus.CAPTURED,
        PaymentStatus.FAILED,
        PaymentStatus.EXPIRED,
    },
    PaymentStatus.UNKNOWN: {
        PaymentStatus.PENDING,
        PaymentStatus.CAPTURED,
        PaymentStatus.FAILED,
        PaymentStatus.EXPIRED,
    },
    PaymentStatus.CAPTURED: {PaymentStatus.POSTING, PaymentStatus.REVERSING},
    PaymentStatus.POSTING: {PaymentStatus.COMPLETED, PaymentStatus.REVERSING},
    PaymentStatus.COMPLETED: {PaymentStatus.REVERSING},
    # A part may be refunded while other postings are still being sent.
    PaymentStatus.REVERSING: {PaymentStatus.REFUNDED, PaymentStatus.COMPLETED, PaymentStatus.POSTING},
    PaymentStatus.REFUNDED: set(),
    # A channel may report the money after we gave up; it is captured all the same.
    PaymentStatus.FAILED: {PaymentStatus.CAPTURED},
    PaymentStatus.EXPIRED: {PaymentStatus.CAPTURED},
}
AT_CHANNEL = {PaymentStatus.PENDING, PaymentStatus.UNKNOWN}
GIVEN_UP = {PaymentStatus.FAILED, PaymentStatus.EXPIRED}


class Payment(Base):
    __tablename__ = "payments"
    __table_args__ = (
        one_of("status", PaymentStatus),
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        CheckConstraint("refunded_fen BETWEEN 0 AND amount_fen", name="refunded_fen"),
        CheckConstraint("refunding_fen BETWEEN 0 AND amount_fen - refunded_fen", name="refunding_fen"),
        Index("ix_payments_person_id_id", "person_id", "id"),
        Index(
            "ix_payments_unsettled",
            "status",
            "id",
            postgresql_where=text("status IN ('created', 'pending', 'unknown', 'captured', 'posting', 'reversing')"),
        ),
        Index("ix_payments_unconfirmed", "expires_at", postgresql_where=text("status = 'created'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID]
    provider_id: Mapped[UUID]
    channel: Mapped[ChannelName] = mapped_column(Text)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[PaymentStatus] = mapped_column(Text, default=PaymentStatus.CREATED)
    held: Mapped[bool] = mapped_column(default=False)
    """The money arrived when the bills could no longer be paid, and is in suspense."""
    refunded_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Refunded to the payer so far."""
    refunding_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What is set aside for refunds that have not ended."""
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    """The deadline to confirm it; once confirmed, the deadline to pay the order."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    captured_at: Mapped[datetime | None] = mapped_column(Timestamp)
    completed_at: Mapped[datetime | None] = mapped_column(Timestamp)

    lines: Mapped[list["PaymentLine"]] = relationship(lazy="selectin", order_by="PaymentLine.bill_id")
    attempt: Mapped["Attempt | None"] = relationship(lazy="selectin")

    @property
    def bill_ids(self) -> list[UUID]:
        return [line.bill_id for line in self.lines]

    def line(self, bill_id: UUID) -> "PaymentLine":
        """What it pays of one of its bills."""
        return next(line for line in self.lines if line.bill_id == bill_id)

    @property
    def parts(self) -> dict[UUID, Part]:
        """What it pays of each bill."""
        return {line.bill_id: Part(line.amount_fen, line.late_fee_fen) for line in self.lines}

    def move_to(self, status: PaymentStatus) -> None:
        self.status = checked_move(TRANSITIONS, PaymentStatus(self.status), status)


class PaymentLine(Base):
    """What a payment pays of a bill. Until the line is released, no other payment can have the bill."""

    __tablename__ = "payment_lines"
    __table_args__ = (
        Index("uq_payment_lines_open_bill", "bill_id", unique=True, postgresql_where=text("released_at IS NULL")),
        CheckConstraint("late_fee_fen >= 0 AND late_fee_fen <= amount_fen", name="late_fee_fen"),
        CheckConstraint("refunded_fen BETWEEN 0 AND amount_fen", name="refunded_fen"),
        CheckConstraint("refunding_fen BETWEEN 0 AND amount_fen - refunded_fen", name="refunding_fen"),
        Index("ix_payment_lines_refunding", "bill_id", postgresql_where=text("refunding_fen > 0")),
    )

    payment_id: Mapped[UUID] = mapped_column(ForeignKey(Payment.id), primary_key=True)
    bill_id: Mapped[UUID] = mapped_column(ForeignKey("bills.id"), primary_key=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    late_fee_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """How much of the amount is a late fee."""
    partial: Mapped[bool] = mapped_column(server_default="false")
    """Whether less than what was owed of the bill."""
    refunded_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    refunding_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    released_at: Mapped[datetime | None] = mapped_column(Timestamp)


class Attempt(Pollable, Base):
    """The order of a payment at its channel, kept before the channel is called."""

    __tablename__ = "payment_attempts"
    __table_args__ = (
        UniqueConstraint("channel", "transaction_id"),
        Index("ix_payment_attempts_due", "ask_at", postgresql_where=text("ask_at IS NOT NULL")),
        # A day of a channel, for reconciliation.
        Index(
            "ix_payment_attempts_channel_paid_at", "channel", "paid_at", postgresql_where=text("paid_at IS NOT NULL")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey(Payment.id), unique=True)
    channel: Mapped[ChannelName] = mapped_column(Text)
    order_number: Mapped[str] = mapped_column(Text, unique=True)
    method: Mapped[str | None] = mapped_column(Text)
    """How it is paid, of the channel's methods."""
    pay_url: Mapped[str | None] = mapped_column(Text)
    pay_parameters: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    contract_number: Mapped[str | None] = mapped_column(Text)
    """The mandate's contract that the channel charges; none when the payer pays at the channel."""
    refusal: Mapped[str | None] = mapped_column(Text)
    """The channel's code, when it would not take the order."""
    transaction_id: Mapped[str | None] = mapped_column(Text)
    """The channel's number of the money movement."""
    paid_at: Mapped[datetime | None] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
