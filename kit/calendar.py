"""Days and working days in China, by the clock of the process or by that of the database.

The two clocks may differ by seconds around midnight, so a rule reads one of them throughout.

The State Council publishes the holidays and make-up days of a year in the autumn before it, and chinesecalendar has
them some weeks later. Until then its working days are Monday to Friday: a promise is then stricter by the holidays that
it spans, and longer by at most the make-up days. A metric says how many days are known.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import chinese_calendar
from prometheus_client import Gauge
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA

_SATURDAY = 5
_LAST_KNOWN_DAY = date(max(chinese_calendar.constants.holidays).year, 12, 31)


def today() -> date:
    """The day in China, by the clock of this process."""
    return datetime.now(CHINA).date()


def this_month() -> date:
    """The first day of the month in China, by the clock of this process."""
    return today().replace(day=1)


async def database_time(tx: AsyncSession) -> datetime:
    """When the transaction began, by the one clock that all processes of a service share."""
    return (await tx.scalars(select(func.now()))).one()


async def today_of(tx: AsyncSession) -> date:
    """The day in China on which the transaction began, by the clock of the database."""
    return (await database_time(tx)).astimezone(CHINA).date()


def known_days() -> int:
    """How many days after today the holidays and make-up days are known for."""
    return (_LAST_KNOWN_DAY - today()).days


Gauge("myili_calendar_known_days", "Days ahead for which holidays are known").set_function(known_days)


def is_weekday(day: date) -> bool:
    """Whether it is Monday to Friday; public holidays and make-up days make no difference."""
    return day.weekday() < _SATURDAY


def is_working_day(day: date) -> bool:
    """By the State Council's calendar of holidays and make-up days; by weekdays for a year not yet in the package."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return is_weekday(day)


def working_day_after(day: date, count: int, *, counts: Callable[[date], bool] = is_working_day) -> date:
    """The day that is so many working days later; the day itself does not count.

    Args:
        day: in China.
        count: of working days.
        counts: which days are working days; `is_weekday` ignores public holidays.
    """
    while count:
        day += timedelta(days=1)
        count -= counts(day)
    return day


def working_days_between(day: date, later: date, *, counts: Callable[[date], bool] = is_working_day) -> int:
    """Working days after `day`, up to and with `later`; none where `later` is not later."""
    return sum(counts(day + timedelta(days=passed)) for passed in range(1, (later - day).days + 1))


@dataclass(frozen=True)
class Calendar:
    """Working days by a table that people keep; where it says nothing of a day, Monday to Friday."""

    revision: int = 0
    days: Mapping[date, bool] = field(default_factory=dict)
    """Whether it is a working day, for the days that are no ordinary weekday or weekend."""
    years: AbstractSet[int] = frozenset()
    """The years of which all holidays and make-up days are in the table."""

    def is_working_day(self, day: date) -> bool:
        return self.days.get(day, is_weekday(day))

    def knows(self, day: date) -> bool:
        """Whether the holidays of the day's year are in the table."""
        return day.year in self.years

    def after(self, day: date, count: int) -> date:
        """The day that is so many working days later; the day itself does not count."""
        return working_day_after(day, count, counts=self.is_working_day)

    def last_of(self, day: date, count: int) -> date:
        """The last of so many working days after a day; the last one until that day where none is left."""
        while not count and not self.is_working_day(day):
            day -= timedelta(days=1)
        return self.after(day, count)

    def between(self, day: date, later: date) -> int:
        """Working days after `day`, up to and with `later`."""
        return working_days_between(day, later, counts=self.is_working_day)
