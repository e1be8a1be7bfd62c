"""The promised time of a review, in working days of Beijing time: when it turns yellow, and when it is late."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from chassis.db import CHINA
from kit.calendar import is_working_day, working_day_after
from svc_miniapps.reference.working_days.service import IsWorkingDay

PROMISED_WORKING_DAYS = 3
YELLOW_PERCENT = 80


class Flag(StrEnum):
    GREEN = "green"
    YELLOW = "yellow"
    """Four fifths of the promised time have passed."""
    RED = "red"
    """The promised time is over."""


def due_after(start: datetime, *, is_working: IsWorkingDay = is_working_day) -> datetime:
    """When a review that was requested then is late: at the same time of day, so many working days later."""
    begun = start.astimezone(CHINA)
    day = working_day_after(begun.date(), PROMISED_WORKING_DAYS, counts=is_working)
    return datetime.combine(day, begun.timetz()).astimezone(start.tzinfo)


def yellow_after(start: datetime, *, is_working: IsWorkingDay = is_working_day) -> datetime:
    """When four fifths of the promised working time have passed; on a day off none passes."""
    begun, due = start.astimezone(CHINA), due_after(start, is_working=is_working).astimezone(CHINA)
    left = sum((each.length for each in _working_spans(begun, due, is_working)), timedelta()) * YELLOW_PERCENT / 100
    for span in _working_spans(begun, due, is_working):
        if left <= span.length:
            return (span.begin + left).astimezone(start.tzinfo)
        left -= span.length
    return due.astimezone(start.tzinfo)


@dataclass(frozen=True)
class _Span:
    begin: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.begin


def _working_spans(begin: datetime, end: datetime, is_working: IsWorkingDay) -> Iterator[_Span]:
    """The parts of working days between two moments."""
    while begin < end:
        midnight = datetime.combine(begin.date() + timedelta(days=1), time(), CHINA)
        if is_working(begin.date()):
            yield _Span(begin, min(midnight, end))
        begin = midnight


def flag_at(moment: datetime, yellow_at: datetime | None, due_at: datetime) -> Flag:
    if moment > due_at:
        return Flag.RED
    return Flag.YELLOW if yellow_at is not None and moment >= yellow_at else Flag.GREEN
