"""What a person has to look at: things that should not happen and that no program can put right."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from svc_payments.base import Base


class IncidentKind(StrEnum):
    UNKNOWN_ORDER = "unknown_order"
    """The channel told us of an order that we never placed."""
    OTHER_MERCHANT = "other_merchant"
    OTHER_AMOUNT = "other_amount"
    OTHER_CURRENCY = "other_currency"
    SECOND_TRANSACTION = "second_transaction"
    """The channel says that an order was paid twice."""
    TRANSACTION_REUSED = "transaction_reused"
    """The channel says that one movement of money paid two orders."""
    MONEY_HELD = "money_held"
    """Money came late for a bill that could not take it any more; it is in suspense."""
    POSTING_REFUSED = "posting_refused"
    """The provider did not book a captured payment."""
    CASH_DIFFERENCE = "cash_difference"
    """The drawer of a till held more or less than its session had taken."""


class Incident(Base):
    """One finding; the same one found again changes nothing. `details` are numbers and codes, never personal data."""

    __tablename__ = "incidents"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        one_of("kind", IncidentKind),
        Index("ix_incidents_open", "id", postgresql_where=text("resolved_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[IncidentKind] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    """What it is about: a notice, a payment or a posting, by its id."""
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    resolved_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When two persons agreed that it is dealt with; the manual action says who and how."""
