"""What a tariff is applied to: a period, the quantities used in it, and what is known of the customer."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis.problems import Problem
from chassis.text import NO_NUMBER
from kit.tariffs.decimals import Quantity
from kit.tariffs.rules import Code, Measure

_MOST_DAYS = 400
_EARLIEST, _LATEST = 2000, 2100

Day = Annotated[date, NO_NUMBER]
Quantities = Annotated[dict[Measure, Quantity], Field(max_length=10)]


class UsageMissing(Problem):
    """The tariff needs a number that the usage does not state."""

    status, code = 422, "usage_missing"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class MeterReading(_Part):
    day: Day
    """Read at the beginning of this day."""
    used: Quantities
    """Used from the first day of the period until then."""


class ColdDay(_Part):
    day: Day
    degrees_below: Quantity
    """How many degrees below the standard."""


class Usage(_Part):
    first_day: Day
    last_day: Day
    quantities: Quantities = {}
    """Used in the period, by measure such as m3 or by hour band such as peak."""
    readings: tuple[MeterReading, ...] = Field(default=(), max_length=24)
    """Meter readings within the period, the earliest first."""
    used_before: Quantities = {}
    """Used this calendar year before the period, without what an allowance covered."""
    allowance_used_before: Quantities = {}
    """Used of an allowance this season before the period."""
    persons: int | None = Field(default=None, strict=True, ge=1, le=50)
    """Persons of the household; null: not more than the tiers include."""
    area: Quantity | None = None
    """Square metres."""
    empty_home: bool = Field(default=False, strict=True)
    """Whether the home is reported empty."""
    cold_days: tuple[ColdDay, ...] = Field(default=(), max_length=250)
    counts: Annotated[dict[Code, Annotated[int, Field(strict=True, ge=0, le=1000)]], Field(max_length=20)] = {}
    """How many there are of what a fixed amount counts, such as secondary_card."""
    first_bill: bool = Field(default=False, strict=True)
    """Whether amounts that are charged once fall due."""

    @model_validator(mode="after")
    def _require_order(self) -> "Usage":
        if self.first_day.year < _EARLIEST or self.last_day.year >= _LATEST:
            raise ValueError("the period must lie in this century")
        if not self.first_day <= self.last_day < self.first_day + timedelta(days=_MOST_DAYS):
            raise ValueError("the period must have 1 to 400 days")
        days = [self.first_day, *(reading.day for reading in self.readings), self.end]
        if any(earlier >= later for earlier, later in pairwise(days)):
            raise ValueError("readings must lie within the period and rise")
        for measure in {name for reading in self.readings for name in reading.used}:
            if any(a > b for a, b in pairwise([used for _, used in _anchors(self, measure)])):
                raise ValueError("readings must not fall nor exceed what was used")
        cold = [each.day for each in self.cold_days]
        if len(set(cold)) < len(cold) or any(not self.first_day <= day <= self.last_day for day in cold):
            raise ValueError("cold days must be different days of the period")
        return self

    @property
    def end(self) -> date:
        """The day after the last."""
        return self.last_day + timedelta(days=1)

    def is_read_on(self, day: date, measure: str) -> bool:
        return any(reading.day == day and measure in reading.used for reading in self.readings)


def _anchors(usage: Usage, measure: str) -> list[tuple[date, int]]:
    read = [(reading.day, reading.used[measure]) for reading in usage.readings if measure in reading.used]
    return [(usage.first_day, 0), *read, (usage.end, usage.quantities.get(measure, 0))]


def pieces(usage: Usage, measure: str, cuts: Sequence[date]) -> list[tuple[date, int]]:
    """The quantity used from each day of a cut or reading until the next, in order; they add up to the whole.

    Between readings usage is spread evenly over the days. What is left is divided anew at each cut, so that no part
    falls when the whole rises.
    """
    if measure not in usage.quantities:
        raise UsageMissing(missing=f"quantities.{measure}")
    found: list[tuple[date, int]] = []
    for (begin, used), (end, used_then) in pairwise(_anchors(usage, measure)):
        left = used_then - used
        days = [begin, *sorted(cut for cut in cuts if begin < cut < end), end]
        for day, following in pairwise(days):
            part = left * (following - day).days // (end - day).days
            found.append((day, part))
            left -= part
    return found
