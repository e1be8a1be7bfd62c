"""The last live query of each account with its answer, and the bills that arrived by it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, one_of
from svc_payments.base import Base


class Result(StrEnum):
    DUE = "due"
    NOTHING_DUE = "nothing_due"
    NO_ACCOUNT = "no_account"
    CLOSED = "closed"
    NOT_PAYABLE_ONLINE = "not_payable_online"
    PAYMENT_UNFINISHED = "payment_unfinished"
    NO_ANSWER = "no_answer"
    """The provider was not reached or did not answer in time."""
    UNUSABLE = "unusable"
    """Its answer was invalid; nothing of it was kept."""


class BillInquiry(Base):
    """The last live query of an account. Requests within a moment of it share its answer."""

    __tablename__ = "bill_inquiries"
    __table_args__ = (one_of("result", Result),)

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_number: Mapped[str] = mapped_column(Text, primary_key=True)
    inquiry_id: Mapped[UUID]
    """The answer is kept only while this is still the last query."""
    asked_at: Mapped[datetime] = mapped_column(Timestamp)
    answered_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """None: the answer is on its way, or the process that sent the query died."""
    result: Mapped[Result | None] = mapped_column(Text)


class InquiredBill(Base):
    """A bill that a live query brought; it is voided once a later one no longer names it."""

    __tablename__ = "inquired_bills"

    bill_id: Mapped[UUID] = mapped_column(ForeignKey("bills.id"), primary_key=True)
    inquiry_id: Mapped[UUID]
    """The question that brought it."""
