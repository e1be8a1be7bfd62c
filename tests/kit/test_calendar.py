"""Which day it is in China, and which days are working days there."""

from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import pytest
import time_machine
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import database_time, is_weekday, is_working_day, this_month, today, today_of, working_day_after


@pytest.mark.parametrize(
    ("moment", "day", "month"),
    [
        ("2026-03-31T15:59:59", date(2026, 3, 31), date(2026, 3, 1)),
        ("2026-03-31T16:00:00", date(2026, 4, 1), date(2026, 4, 1)),
    ],
)
def test_a_day_begins_at_midnight_in_china(moment: str, day: date, month: date) -> None:
    with time_machine.travel(datetime.fromisoformat(moment).replace(tzinfo=UTC), tick=False):
        assert (today(), this_month()) == (day, month)


@pytest.mark.parametrize(
    ("day", "weekday", "working"),
    [
        (date(2025, 9, 30), True, True),  # a Tuesday
        (date(2025, 10, 1), True, False),  # National Day, a Wednesday
        (date(2025, 10, 11), False, True),  # a Saturday that makes up for the holiday
        (date(2025, 10, 12), False, False),  # a Sunday
    ],
)
def test_holidays_and_make_up_days_are_those_of_the_state_council(day: date, *, weekday: bool, working: bool) -> None:
    assert (is_weekday(day), is_working_day(day)) == (weekday, working)


@pytest.mark.parametrize(("day", "working"), [(date(2090, 10, 2), True), (date(2090, 10, 1), False)])
def test_a_year_without_a_published_calendar_goes_by_weekdays(day: date, *, working: bool) -> None:
    assert is_working_day(day) is working


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2026, 9, 20), True),  # a Sunday that makes up for National Day
        (date(2026, 9, 30), True),
        *((date(2026, 10, number), False) for number in range(1, 8)),
        (date(2026, 10, 8), True),
        (date(2026, 10, 10), True),  # a Saturday that makes up for it
        (date(2026, 10, 11), False),
    ],
)
def test_national_day_of_2026(day: date, *, working: bool) -> None:
    assert is_working_day(day) is working


def test_a_metric_says_for_how_long_the_holidays_are_known() -> None:
    with time_machine.travel(datetime(2026, 12, 1, tzinfo=UTC), tick=False):
        days = REGISTRY.get_sample_value("myili_calendar_known_days")
    assert days is not None
    last_known = date(2026, 12, 1) + timedelta(days=days)
    assert (last_known.month, last_known.day) == (12, 31)
    chinese_calendar.is_workday(last_known)
    with pytest.raises(NotImplementedError):
        chinese_calendar.is_workday(last_known + timedelta(days=1))


def test_a_term_passes_over_the_holidays() -> None:
    assert working_day_after(date(2025, 9, 30), 2) == date(2025, 10, 10)


def test_a_term_by_weekdays_counts_the_holidays() -> None:
    assert working_day_after(date(2025, 9, 30), 2, counts=is_weekday) == date(2025, 10, 2)


def test_the_first_day_does_not_count() -> None:
    assert working_day_after(date(2025, 9, 30), 0) == date(2025, 9, 30)
    assert working_day_after(date(2025, 10, 12), 1) == date(2025, 10, 13)


async def test_the_day_of_a_transaction_is_that_of_the_database_in_china(tx: AsyncSession) -> None:
    day, moment = (await tx.execute(text("SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date, now()"))).one()
    with time_machine.travel(0, tick=False):  # the clock of the process does not matter
        assert (await today_of(tx), await database_time(tx)) == (day, moment)
