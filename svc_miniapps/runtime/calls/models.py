from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, now, one_of
from svc_miniapps.base import Base


class Operation(StrEnum):
    """What the server of a mini-app calls here."""

    SEND_MESSAGE = "send_message"
    GET_MESSAGE = "get_message"


DEFAULT_LIMITS = {Operation.SEND_MESSAGE: 10_000, Operation.GET_MESSAGE: 50_000}
"""Calls of an app in a day, unless an operator has set another number."""


class AppCalls(Base):
    """How often an app's server called an operation on a day in China."""

    __tablename__ = "app_calls"
    __table_args__ = (one_of("operation", Operation),)

    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    operation: Mapped[Operation] = mapped_column(Text, primary_key=True)
    calls: Mapped[int]
    """Within the quota, whatever came of them."""
    refused: Mapped[int]
    """Of the calls those that were answered by a refusal."""
    failed: Mapped[int]
    """Of the calls those that failed on the platform's side."""
    over_quota: Mapped[int]
    """Beside the calls: those above the limit."""


class CallQuota(Base):
    """The limit that an operator has set for an app, in the place of the default."""

    __tablename__ = "call_quotas"
    __table_args__ = (
        one_of("operation", Operation),
        CheckConstraint("daily_limit BETWEEN 0 AND 10000000", name="daily_limit"),
    )

    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    operation: Mapped[Operation] = mapped_column(Text, primary_key=True)
    daily_limit: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    changed_by: Mapped[UUID]
    changed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
