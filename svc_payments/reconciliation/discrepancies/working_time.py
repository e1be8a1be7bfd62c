"""Clocks that run on working days."""

from datetime import date, datetime, time, timedelta

import chinese_calendar

from chassis.db import CHINA

_CLOSES = time(19, 0)
"""When offices close here, where the sun is two hours behind the clock."""
_FIRST_DAY_OFF = 5


def due_after(moment: datetime, working_days: int) -> datetime:
    """The close of business so many working days after a moment."""
    day = moment.astimezone(CHINA).date()
    while working_days:
        day += timedelta(days=1)
        working_days -= is_working_day(day)
    return datetime.combine(day, _CLOSES, CHINA)


def is_working_day(day: date) -> bool:
    """By the State Council's calendar; by weekdays for a year it has not been published for."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < _FIRST_DAY_OFF
