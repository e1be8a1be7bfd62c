"""Days and working days in China, by the clock of the process or by that of the database.

The two clocks may differ by seconds around midnight, so a rule reads one of them throughout.

The State Council publishes the holidays and make-up days of a year in the autumn before it, and chinesecalendar has
them some weeks later. Until then its working days are Monday to Friday: a promise is then stricter by the holidays that
it spans, and longer by at most the make-up days. A metric says how many days are known.
"""

from collections.abc import Callable
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
