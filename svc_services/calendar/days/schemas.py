from datetime import date

from pydantic import BaseModel, ConfigDict

from kit.fields.labels import Label


class SpecialDay(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    day: date
    working: bool
    """True for a make-up day at a weekend, false for a holiday."""
    name: Label


class CalendarYear(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    year: int
    revision: int
    """Rises with each change of any year."""
    complete: bool
    """Whether the year's holidays and make-up days are known; if not, its working days are Monday to Friday."""
    calendar_note: Label | None
    """Says so; null for a complete year."""
    working_days: int
    days: list[SpecialDay]
    """The days that differ from Monday to Friday, in order."""
