from datetime import date

from sqlalchemy.orm import Mapped, mapped_column

from svc_miniapps.base import Base


class CalendarDay(Base):
    """A day of which svc_services' maintained calendar says whether it is a working day."""

    __tablename__ = "calendar_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    working: Mapped[bool]
    revision: Mapped[int]
    """Of the calendar; a change that comes late does not undo a later one."""
