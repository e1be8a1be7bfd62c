"""Days are counted as working days; a pause counts none, and what was counted never falls."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.calendar import Calendar, is_working_day
from svc_services.cases.applications import clock
from svc_services.cases.applications.models import Application, Flag
from svc_services.cases.workflows.definition import WorkflowDefinition
from tests.svc_services.cases.workflows.definitions import definition

MONDAY = date(2026, 3, 2)
DAYS = [date(2026, 1, 1) + timedelta(days=count) for count in range(365)]
CALENDAR = Calendar(1, {day: is_working_day(day) for day in DAYS}, frozenset({2026}))
RULES = WorkflowDefinition.model_validate(definition())


def case_on(day: date) -> Application:
    case = Application(
        state="submitted", consumed_days=0, state_days={}, counted_to=day, clock_runs=False, extended_days=0
    )
    clock.wind(case, RULES, CALENDAR)
    return case


def enter(case: Application, state: str, day: date, rules: WorkflowDefinition = RULES) -> None:
    clock.settle(case, day, CALENDAR)
    case.state = state
    clock.wind(case, rules, CALENDAR)


def later(days: int) -> date:
    return MONDAY + timedelta(days=days)


def test_the_promise_is_in_working_days() -> None:
    case = case_on(MONDAY)
    assert case.promised_on == date(2026, 3, 9)
    before_the_holiday = case_on(date(2026, 9, 30))
    days = [date(2026, 9, 30) + timedelta(days=count) for count in range(1, 30)]
    assert before_the_holiday.promised_on == [day for day in days if is_working_day(day)][4]
    assert before_the_holiday.promised_on > date(2026, 10, 8)


def test_a_pause_counts_no_day_and_moves_the_promise() -> None:
    case = case_on(MONDAY)
    enter(case, "correction", later(2))
    assert (case.consumed_days, case.clock_runs) == (2, False)
    enter(case, "submitted", later(9))
    assert (case.consumed_days, case.promised_on) == (2, date(2026, 3, 16))


def test_pauses_of_a_moment_save_no_day() -> None:
    """Who asks for a correction at noon each day, and gets it at once, has used the days up."""
    case = case_on(MONDAY)
    for day in range(1, 4):
        enter(case, "correction", later(day))
        enter(case, "submitted", later(day))
    assert case.consumed_days == 3


def test_what_was_used_survives_another_limit() -> None:
    case = case_on(MONDAY)
    enter(case, "correction", later(3))
    longer = WorkflowDefinition.model_validate(definition(limit_days=10))
    enter(case, "submitted", later(4), longer)
    assert (case.consumed_days, case.promised_on) == (3, date(2026, 3, 13 + 4))


def test_a_clock_that_is_behind_takes_nothing_back() -> None:
    case = case_on(MONDAY)
    clock.settle(case, later(2), CALENDAR)
    clock.settle(case, later(1), CALENDAR)
    assert (case.consumed_days, case.counted_to) == (2, later(2))


@pytest.mark.parametrize(
    ("used", "flag", "level", "next_look"),
    [(0, None, 0, 4), (3, None, 0, 1), (4, Flag.YELLOW, 0, 2), (5, Flag.YELLOW, 0, 1), (6, Flag.RED, 1, 3)],
)
def test_yellow_at_four_fifths_and_red_when_over(used: int, flag: Flag | None, level: int, next_look: int) -> None:
    case = case_on(MONDAY)
    case.consumed_days = used
    clock.wind(case, RULES, CALENDAR)
    assert (case.flag, case.level) == (flag, level)
    assert case.look_at is not None
    assert CALENDAR.between(MONDAY, case.look_at) == next_look


@given(st.lists(st.tuples(st.sampled_from(["submitted", "correction"]), st.integers(-3, 9)), max_size=30))
def test_used_days_never_fall_and_are_the_working_days_that_ran(moves: list[tuple[str, int]]) -> None:
    case, day, expected = case_on(MONDAY), MONDAY, 0
    for state, days in moves:
        before, ran = case.consumed_days, case.state == "submitted"
        reached = day + timedelta(days=days)
        enter(case, state, reached)
        if reached > day:
            expected += CALENDAR.between(day, reached) if ran else 0
            day = reached
        assert before <= case.consumed_days == expected
    assert sum(case.state_days.values()) == CALENDAR.between(MONDAY, day)
