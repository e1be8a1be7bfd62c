from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kit.fields.labels import Label
from svc_services.calendar.changes.models import CalendarChangeStatus
from svc_services.fields import Day


class ChangedDay(BaseModel):
    model_config = ConfigDict(extra="forbid")

    day: Day
    working: Annotated[bool, Field(strict=True)]
    name: Label


class NewCalendarChange(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    year: int = Field(strict=True, ge=2000, le=2100)
    days: list[ChangedDay] = Field(max_length=100)
    """Days of the year that differ from what the calendar says now."""
    completes_year: bool = Field(default=False, strict=True)
    """Confirms that the year then has all its holidays and make-up days, as the State Council published them."""
    reason: Label
    """Applicants whose promised day moves read it."""

    @model_validator(mode="after")
    def _require_days_of_the_year(self) -> Self:
        days: list[date] = [each.day for each in self.days]
        if any(day.year != self.year for day in days) or len(set(days)) != len(days):
            raise ValueError("days must be of the year, each once")
        if not days and not self.completes_year:
            raise ValueError("must change a day or complete the year")
        return self


class CalendarChange(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    change_id: UUID
    year: int
    days: list[ChangedDay]
    completes_year: bool
    reason: Label
    status: CalendarChangeStatus
    revision: int | None
    """Of the calendar, since this change was approved."""
    proposed_by: UUID | None
    """Null for what came with a release."""
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
