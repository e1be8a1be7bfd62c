"""Postings: the notification of a captured payment to its provider, one for each bill, until booked or refused."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from chassis.problems import checked_move
from kit.leases import Leased, Pollable
from svc_payments.base import Base
from svc_payments.billing.bills.models import BillKind
from svc_payments.collection.payments.models import Payment


class PostingStatus(StrEnum):
    PENDING = "pending"
    """It has certainly not reached the provider."""
    SENDING = "sending"
    """A worker is sending it; if its lease runs out before the outcome is recorded, the outcome is unknown."""
    UNKNOWN = "unknown"
    """The provider may have booked it: it is queried before it is sent again."""
    BOOKED = "booked"
    REFUSED = "refused"
    CANCELLING = "cancelling"
    """The cancellation is sent until the provider answers: the deadline passed, or the money is refunded."""
    CANCELLED = "cancelled"
    """The provider has not booked it and never will, or has reversed its booking."""
    KEPT = "kept"
    """The provider reported a booking after the refund and keeps it; staff settle that."""


TRANSITIONS: dict[PostingStatus, set[PostingStatus]] = {
    PostingStatus.PENDING: {PostingStatus.SENDING},
    PostingStatus.SENDING: {
        PostingStatus.PENDING,
        PostingStatus.SENDING,
        PostingStatus.UNKNOWN,
        PostingStatus.BOOKED,
        PostingStatus.REFUSED,
        PostingStatus.CANCELLING,
    },
    PostingStatus.UNKNOWN: {PostingStatus.SENDING},
    PostingStatus.BOOKED: {PostingStatus.CANCELLING},
    PostingStatus.REFUSED: set(),
    PostingStatus.CANCELLING: {PostingStatus.CANCELLED, PostingStatus.BOOKED, PostingStatus.KEPT},
    PostingStatus.CANCELLED: set(),
    PostingStatus.KEPT: set(),
}
UNSETTLED = (PostingStatus.PENDING, PostingStatus.SENDING, PostingStatus.UNKNOWN)
_UNSETTLED = text("status IN ('pending', 'sending', 'unknown')")


class Posting(Leased, Base):
    """The row has all that is sent and never changes, so that every try sends the same."""

    __tablename__ = "postings"
    __table_args__ = (
        UniqueConstraint("payment_id", "bill_id"),
        one_of("status", PostingStatus),
        one_of("kind", BillKind),
        CheckConstraint("late_fee_fen >= 0 AND late_fee_fen <= amount_fen", name="late_fee_fen"),
        Index("ix_postings_due", "provider_id", "try_at", postgresql_where=_UNSETTLED),
        Index(
            "ix_postings_unsettled_of_account",
            "provider_id",
            "account_number",
            "position",
            postgresql_where=_UNSETTLED,
        ),
        Index("ix_postings_cancelling", "provider_id", "try_at", postgresql_where=text("status = 'cancelling'")),
        Index("ix_postings_status_id", "status", "id"),
        Index(None, "provider_reference"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    """The order in which an account's postings are sent."""
    payment_id: Mapped[UUID] = mapped_column(ForeignKey(Payment.id))
    bill_id: Mapped[UUID] = mapped_column(ForeignKey("bills.id"))
    provider_id: Mapped[UUID]
    receipt_number: Mapped[str] = mapped_column(Text)
    bill_number: Mapped[str] = mapped_column(Text)
    account_number: Mapped[str] = mapped_column(Text)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[BillKind] = mapped_column(Text, server_default=BillKind.REGULAR)
    """The bill's source, which shows the provider whether the number is its own."""
    late_fee_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """How much of the amount is a late fee."""
    bill_amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    """The whole bill without late fees; unknown for postings made before partial payments existed."""
    paid_at: Mapped[datetime] = mapped_column(Timestamp)

    status: Mapped[PostingStatus] = mapped_column(Text, default=PostingStatus.PENDING)
    provider_reference: Mapped[str | None] = mapped_column(Text)
    refusal: Mapped[str | None] = mapped_column(Text)
    """The provider's reason, as it gave it."""
    prepaid_kind: Mapped[str | None] = mapped_column(Text)
    """token or write_card, when the booking is for a prepaid meter."""
    prepaid_token: Mapped[str | None] = mapped_column(Text)
    """What the payer keys into the meter; shown to the payer only, and in no log and no event."""
    prepaid_state: Mapped[str | None] = mapped_column(Text)
    """The provider's state of the card."""
    given_up_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When its refund began because the provider had not answered in time."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    settled_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: PostingStatus) -> None:
        self.status = checked_move(TRANSITIONS, PostingStatus(self.status), status)


class CardWriting(Pollable, Base):
    """The card of a prepaid meter that a provider's terminal has to write: polled until it is written."""

    __tablename__ = "card_writings"
    __table_args__ = (Index("ix_card_writings_due", "ask_at", postgresql_where=text("ask_at IS NOT NULL")),)

    posting_id: Mapped[UUID] = mapped_column(ForeignKey(Posting.id), primary_key=True)
