"""Fees that providers have quoted for applications. Money moves in svc_payments alone; here is what it says of them."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from svc_services.base import Base


class FeeStatus(StrEnum):
    UNPAID = "unpaid"
    PAYING = "paying"
    """A payment is open; the case does not lapse meanwhile."""
    PAID = "paid"
    """The provider has booked it."""
    REFUNDED = "refunded"


class ApplicationFee(Base):
    """A quote above zero. The bill in svc_payments has the same id."""

    __tablename__ = "application_fees"
    __table_args__ = (
        one_of("status", FeeStatus),
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        CheckConstraint("used_at IS NULL OR withdrawn_at IS NULL", name="one_end"),
        Index(
            "uq_application_fees_asked",
            "application_id",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL AND used_at IS NULL"),
        ),
        Index(None, "application_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[FeeStatus] = mapped_column(Text, default=FeeStatus.UNPAID)
    sequence: Mapped[int] = mapped_column(default=0)
    """Of the last event of svc_payments that was heeded; an older one that comes later changes nothing."""
    payable_until: Mapped[date | None]
    """The last day of the quote; NULL where the workflow sets it no limit."""
    quoted_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    used_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When its payment moved the case on."""
    withdrawn_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When another quote replaced it, or the case went another way; what is paid of it goes back by itself."""
