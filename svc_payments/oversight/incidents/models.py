"""Findings that need a person: events that should not happen, even where the money is refunded automatically."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from svc_payments.base import Base


class IncidentKind(StrEnum):
    UNKNOWN_ORDER = "unknown_order"
    """The channel reports an order that we never placed."""
    OTHER_MERCHANT = "other_merchant"
    OTHER_AMOUNT = "other_amount"
    OTHER_CURRENCY = "other_currency"
    SECOND_TRANSACTION = "second_transaction"
    """The channel says that an order was paid twice."""
    TRANSACTION_REUSED = "transaction_reused"
    """The channel says that one movement of money paid two orders."""
    MONEY_HELD = "money_held"
    """Money arrived too late for its bill; it is refunded automatically."""
    CASH_DIFFERENCE = "cash_difference"
    """The cash in a till's drawer differs from the session's takings."""
    POSTING_REFUSED = "posting_refused"
    """The provider did not book a captured payment; the money is refunded automatically."""
    POSTING_UNANSWERED = "posting_unanswered"
    """The provider did not answer within its time; the money is refunded automatically."""
    BOOKED_AFTER_REVERSAL = "booked_after_reversal"
    """The provider reported a booking after the refund, and keeps it."""
    UNKNOWN_REFUND = "unknown_refund"
    """The channel reports a refund that we never requested."""
    REFUND_DISAGREES = "refund_disagrees"
    """The channel's report of a refund contradicts our request or what is known of it."""
    REFUND_FAILED = "refund_failed"
    """The channel could not refund money."""


class Incident(Base):
    """One finding. Found again while it is open it changes nothing; after it was resolved it is another incident.

    `details` are numbers and codes, never personal data.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        Index("uq_incidents_open", "kind", "subject", unique=True, postgresql_where=text("resolved_at IS NULL")),
        Index("ix_incidents_kind_subject", "kind", "subject"),
        one_of("kind", IncidentKind),
        Index("ix_incidents_open", "id", postgresql_where=text("resolved_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[IncidentKind] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    """What it is about: a notice, a payment or a posting, by its id."""
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    times: Mapped[int] = mapped_column(Integer, server_default="1")
    """How often it was found: once, and once more each time that it recurred after it was resolved."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    resolved_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When two persons agreed that it is dealt with; the manual action says who and how."""
