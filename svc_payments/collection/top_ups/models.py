"""Top-up validations, which limit how many a person can request."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from svc_payments.base import Base


class Result(StrEnum):
    ACCEPTED = "accepted"
    NO_ACCOUNT = "no_account"
    CLOSED = "closed"
    NOT_PAYABLE_ONLINE = "not_payable_online"
    PAYMENT_UNFINISHED = "payment_unfinished"
    NOT_PURCHASABLE = "not_purchasable"
    ABOVE_PURCHASABLE = "above_purchasable"
    NO_ANSWER = "no_answer"
    """The provider was not reached or did not answer in time."""
    UNUSABLE = "unusable"
    """Its answer made no sense."""


class TopUpValidation(Base):
    """A question whether an amount may be bought for an account; kept for some weeks."""

    __tablename__ = "top_up_validations"
    __table_args__ = (
        one_of("result", Result),
        Index(None, "person_id", "asked_at"),
        Index(None, "asked_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID]
    provider_id: Mapped[UUID]
    account_number: Mapped[str] = mapped_column(Text)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    asked_at: Mapped[datetime] = mapped_column(Timestamp)
    result: Mapped[Result | None] = mapped_column(Text)
    """None: the answer is on its way, or the process that sent the query died."""
