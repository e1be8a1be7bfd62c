"""Auto-pay mandates: a person lets the bills of an account be deducted by a contract at a channel, within limits."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, one_of
from chassis.problems import checked_move
from kit.leases import Pollable
from svc_payments.base import Base
from svc_payments.collection.payments.models import Payment
from svc_payments.settings.channels import ChannelName


class MandateStatus(StrEnum):
    REQUESTED = "requested"
    """The person has not signed the contract at the channel yet."""
    ACTIVE = "active"
    SUSPENDED = "suspended"
    """The person has suspended it; nothing is announced or deducted."""
    EXPIRED = "expired"
    """The contract was not signed in time, or the channel would not have it."""
    CANCELLED = "cancelled"


TRANSITIONS: dict[MandateStatus, set[MandateStatus]] = {
    MandateStatus.REQUESTED: {MandateStatus.ACTIVE, MandateStatus.EXPIRED, MandateStatus.CANCELLED},
    MandateStatus.ACTIVE: {MandateStatus.SUSPENDED, MandateStatus.CANCELLED},
    MandateStatus.SUSPENDED: {MandateStatus.ACTIVE, MandateStatus.CANCELLED},
    MandateStatus.EXPIRED: set(),
    MandateStatus.CANCELLED: set(),
}
LIVE = frozenset({MandateStatus.REQUESTED, MandateStatus.ACTIVE, MandateStatus.SUSPENDED})
OVER = frozenset({MandateStatus.EXPIRED, MandateStatus.CANCELLED})


class EndReason(StrEnum):
    PERSON = "person"
    BINDING_ENDED = "binding_ended"
    CHANNEL = "channel"
    """The contract was ended at the channel, by the person in the wallet or by the channel itself."""


class Mandate(Pollable, Base):
    """Polled until its contract is signed or, for an ended mandate, ended."""

    __tablename__ = "mandates"
    __table_args__ = (
        one_of("status", MandateStatus),
        one_of("end_reason", EndReason),
        CheckConstraint("limit_fen > 0", name="limit_fen"),
        CheckConstraint("monthly_limit_fen >= limit_fen", name="monthly_limit_fen"),
        CheckConstraint("notice_days BETWEEN 1 AND 15", name="notice_days"),
        CheckConstraint("status <> 'active' OR contract_id IS NOT NULL", name="active_by_contract"),
        Index(
            "uq_mandates_account",
            "provider_id",
            "account_number",
            unique=True,
            postgresql_where=text("status IN ('requested', 'active', 'suspended')"),
        ),
        Index("ix_mandates_person_id_id", "person_id", "id"),
        Index(None, "contract_id"),
        Index("ix_mandates_to_ask", "ask_at", postgresql_where=text("ask_at IS NOT NULL")),
        Index("ix_mandates_to_look", "look_at", postgresql_where=text("status = 'active'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID]
    provider_id: Mapped[UUID]
    account_number: Mapped[str] = mapped_column(Text)
    channel: Mapped[ChannelName] = mapped_column(Text)
    limit_fen: Mapped[int] = mapped_column(BigInteger)
    """The most that one bill may come to."""
    monthly_limit_fen: Mapped[int | None] = mapped_column(BigInteger)
    """The most that all deductions of a calendar month may come to."""
    notice_days: Mapped[int]
    """How many days before the deduction it is announced."""
    status: Mapped[MandateStatus] = mapped_column(Text, default=MandateStatus.REQUESTED)
    end_reason: Mapped[EndReason | None] = mapped_column(Text)
    sign_url: Mapped[str | None] = mapped_column(Text)
    sign_by: Mapped[datetime] = mapped_column(Timestamp)
    contract_id: Mapped[str | None] = mapped_column(Text)
    """The channel's number of the contract; ours is the mandate's id."""
    look_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    """When to look for bills next."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    activated_at: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    @property
    def contract_number(self) -> str:
        return self.id.hex

    def move_to(self, status: MandateStatus) -> None:
        self.status = checked_move(TRANSITIONS, MandateStatus(self.status), status)


class DebitStatus(StrEnum):
    ANNOUNCED = "announced"
    """The amount and the day are announced."""
    ORDERED = "ordered"
    """A payment is at the channel."""
    PAID = "paid"
    OVER_LIMIT = "over_limit"
    """The bill is above what the mandate allows; it is left to the person."""
    WITHDRAWN = "withdrawn"
    """The mandate was suspended or ended before the day."""
    UNNEEDED = "unneeded"
    """The bill was paid another way, or is no longer to be paid."""
    FAILED = "failed"
    """The channel would not deduct, also not on the days after."""


DEBIT_TRANSITIONS: dict[DebitStatus, set[DebitStatus]] = {
    DebitStatus.ANNOUNCED: {
        DebitStatus.ANNOUNCED,
        DebitStatus.ORDERED,
        DebitStatus.OVER_LIMIT,
        DebitStatus.WITHDRAWN,
        DebitStatus.UNNEEDED,
        DebitStatus.FAILED,
    },
    # The channel may report money after we gave up, so an order is followed until its payment is settled.
    DebitStatus.ORDERED: {DebitStatus.PAID, DebitStatus.ANNOUNCED, DebitStatus.OVER_LIMIT, DebitStatus.FAILED},
    DebitStatus.OVER_LIMIT: {DebitStatus.ANNOUNCED, DebitStatus.OVER_LIMIT, DebitStatus.WITHDRAWN},
    DebitStatus.WITHDRAWN: {DebitStatus.ANNOUNCED, DebitStatus.OVER_LIMIT},
    DebitStatus.PAID: set(),
    DebitStatus.UNNEEDED: set(),
    DebitStatus.FAILED: set(),
}
COUNTED = frozenset({DebitStatus.ANNOUNCED, DebitStatus.ORDERED, DebitStatus.PAID})
"""What uses up the limit of a month."""


class Debit(Base):
    """One bill under one mandate, from its announcement on."""

    __tablename__ = "mandate_debits"
    __table_args__ = (
        one_of("status", DebitStatus),
        UniqueConstraint("mandate_id", "bill_id"),
        CheckConstraint("amount_fen > 0", name="amount_fen"),
        CheckConstraint("status NOT IN ('ordered', 'paid') OR payment_id IS NOT NULL", name="ordered_by_payment"),
        # Whatever mandates an account has had one after the other: a bill is under one of them at a time.
        Index(
            "uq_mandate_debits_open_bill",
            "bill_id",
            unique=True,
            postgresql_where=text("status IN ('announced', 'ordered')"),
        ),
        Index("ix_mandate_debits_to_order", "try_at", postgresql_where=text("status = 'announced'")),
        Index("ix_mandate_debits_ordered", "payment_id", postgresql_where=text("status = 'ordered'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    mandate_id: Mapped[UUID] = mapped_column(ForeignKey(Mandate.id))
    bill_id: Mapped[UUID]
    """Without a foreign key, as postings and lines have theirs: bills are never deleted."""
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey(Payment.id))
    """The payment of the last try."""
    status: Mapped[DebitStatus] = mapped_column(Text, default=DebitStatus.ANNOUNCED)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    debit_on: Mapped[date]
    """The day that was announced, in China."""
    tries: Mapped[int] = mapped_column(default=0)
    """How many times the channel has refused to deduct."""
    try_at: Mapped[datetime] = mapped_column(Timestamp)
    """When to order it; not before the day."""
    reason: Mapped[str | None] = mapped_column(Text)
    """Why it is not deducted, as a code."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())

    mandate: Mapped[Mandate] = relationship(lazy="raise")

    def move_to(self, status: DebitStatus) -> None:
        self.status = checked_move(DEBIT_TRANSITIONS, DebitStatus(self.status), status)
