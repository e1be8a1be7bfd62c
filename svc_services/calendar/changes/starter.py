"""Loads the years that chinesecalendar has and the table has not; what operators have entered stays."""

from datetime import date, timedelta
from typing import Any

import chinese_calendar
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import is_weekday
from svc_services.base import lock
from svc_services.calendar.changes import service
from svc_services.calendar.changes.models import CalendarChange, CalendarChangeStatus
from svc_services.calendar.days.models import CalendarDay
from svc_services.calendar.days.queries import calendar_of

_FIRST_YEAR = 2025
"""No case is older."""
_NAMES = {
    "New Year's Day": ("元旦", "جاڭا جىل", "يېڭى يىل"),
    "Spring Festival": ("春节", "كوكتەم مەرەكەسى", "باھار بايرىمى"),
    "Tomb-sweeping Day": ("清明节", "چيڭمىڭ مەرەكەسى", "چىڭمىڭ بايرىمى"),
    "Labour Day": ("劳动节", "ەڭبەك مەرەكەسى", "ئەمگەك بايرىمى"),
    "Dragon Boat Festival": ("端午节", "دۋانۋ مەرەكەسى", "دۇەنۋۇ بايرىمى"),
    "Mid-autumn Festival": ("中秋节", "ورتا كۇز مەرەكەسى", "تاۋۇز سەيلىسى"),
    "National Day": ("国庆节", "مەملەكەتتىك مەرەكە", "دۆلەت بايرىمى"),
}
_REASON = {
    "zh": "国务院办公厅公布的节假日安排",
    "en": "Holidays as published by the State Council",
    "kk": "مەملەكەتتىك كەڭەس جاريالاعان مەرەكەلەر",
    "ug": "گوۋۇيۈەن ئېلان قىلغان دەم ئېلىش كۈنلىرى",
}


async def load_missing(tx: AsyncSession) -> int:
    """Load the years that are not complete yet. Returns how many."""
    await lock(tx, "calendar")
    known = (await calendar_of(tx)).years
    entered = set(await tx.scalars(select(CalendarDay.day)))
    last = max(chinese_calendar.constants.holidays).year
    missing = [year for year in range(_FIRST_YEAR, last + 1) if year not in known]
    for year in missing:
        days = [each for each in special_days(year) if date.fromisoformat(each["day"]) not in entered]
        change = CalendarChange(year=year, days=days, completes_year=True, reason=_REASON)
        change.status = CalendarChangeStatus.PROPOSED
        await service.apply(tx, change, None)
    return len(missing)


def special_days(year: int) -> list[dict[str, Any]]:
    """The days of a year that differ from Monday to Friday, by chinesecalendar."""
    days = (date(year, 1, 1) + timedelta(days=passed) for passed in range(366))
    return [
        {"day": day.isoformat(), "working": not is_weekday(day), "name": _name(day)}
        for day in days
        if day.year == year and chinese_calendar.is_workday(day) != is_weekday(day)
    ]


def _name(day: date) -> dict[str, str]:
    english = str(chinese_calendar.get_holiday_detail(day)[1])
    zh, kk, ug = _NAMES[english]
    return {"zh": zh, "en": english, "kk": kk, "ug": ug}
