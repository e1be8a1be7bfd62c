from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.outbox import Event


class SpecialWorkingDay(BaseModel):
    model_config = ConfigDict(frozen=True)

    day: date
    working: bool


class CalendarChanged(Event):
    """Working days have changed: holidays or make-up days of a year, or all of them are known now."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.calendar.changed.v1"
    key_field: ClassVar[str] = "year"

    year: int
    revision: int
    change_id: UUID
    days: list[SpecialWorkingDay]
    """The days that this change is about."""
    completes_year: bool
