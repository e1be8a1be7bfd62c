"""The table of holidays and make-up days. It is changed by `changes` alone."""

from datetime import date

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from svc_services.base import Base


class CalendarDay(Base):
    """A day that is no ordinary weekday or weekend, or was one for a while."""

    __tablename__ = "calendar_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    working: Mapped[bool]
    name: Mapped[dict[str, str]] = mapped_column(JSONB)
    """What the day is called, in four languages."""
    revision: Mapped[int]
    """Of the change that said so last."""
