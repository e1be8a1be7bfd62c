"""Pauses, corrections of the calendar and changed limits, against a count of single days."""

from datetime import date, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kit.calendar import Calendar, is_weekday
from svc_services.cases.applications import clock
from svc_services.cases.applications.models import Application
from svc_services.cases.workflows.definition import WorkflowDefinition
from tests.svc_services.cases.workflows.definitions import definition

_FIRST = date(2026, 3, 2)
_RULES = {limit: WorkflowDefinition.model_validate(definition(limit_days=limit)) for limit in range(1, 31)}


class ClockMachine(RuleBasedStateMachine):
    """One case; the model keeps a set of the days that were counted, and nothing else."""

    @initialize(started=st.integers(0, 6), limit=st.integers(1, 30))
    def begin(self, started: int, limit: int) -> None:
        self.day = self.looked = _FIRST + timedelta(days=started)
        self.limit, self.calendar = limit, Calendar(1, {}, frozenset({2026}))
        self.counted: set[date] = set()
        self.case = Application(
            state="submitted",
            consumed_days=0,
            state_days={},
            counted_to=self.day,
            clock_runs=False,
            level=0,
            extended_days=0,
        )
        clock.wind(self.case, _RULES[limit], self.calendar)

    @rule(days=st.integers(0, 9))
    def pass_days(self, days: int) -> None:
        self.day += timedelta(days=days)

    @rule()
    def look(self) -> None:
        self._step(str(self.case.state))

    @rule()
    def pause(self) -> None:
        self._step("correction")

    @rule()
    def resume(self) -> None:
        self._step("submitted")

    @rule(limit=st.integers(1, 30))
    def change_limit(self, limit: int) -> None:
        self.limit = limit
        self._step(str(self.case.state))

    @rule(offset=st.integers(-5, 40), working=st.booleans())
    def correct_calendar(self, offset: int, working: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name
        days = {**self.calendar.days, self.day + timedelta(days=offset): working}
        self.calendar = Calendar(self.calendar.revision + 1, days, frozenset({2026}))
        self._step(str(self.case.state))

    def _step(self, state: str) -> None:
        ran, before = self.case.clock_runs, self.case.consumed_days
        while self.looked < self.day:
            self.looked += timedelta(days=1)
            if ran and self.calendar.days.get(self.looked, is_weekday(self.looked)):
                self.counted.add(self.looked)
        clock.settle(self.case, self.day, self.calendar)
        self.case.state = state
        clock.wind(self.case, _RULES[self.limit], self.calendar)
        assert self.case.consumed_days >= before

    @invariant()
    def used_days_are_those_that_were_counted(self) -> None:
        assert self.case.consumed_days == len(self.counted)

    @invariant()
    def the_promise_is_what_a_naive_count_gives(self) -> None:
        left = self.limit - len(self.counted)
        if not self.case.clock_runs or left < 0:
            return
        day = self.looked
        if left == 0:
            while not self.calendar.days.get(day, is_weekday(day)):
                day -= timedelta(days=1)
        while left:
            day += timedelta(days=1)
            left -= bool(self.calendar.days.get(day, is_weekday(day)))
        assert self.case.promised_on == day

    @invariant()
    def nothing_wakes_a_paused_case_for_an_alarm(self) -> None:
        """A paused case looks up only where its state has a limit of its own: to lapse, and never to be flagged."""
        if self.case.clock_runs:
            assert self.case.look_at is None or self.case.look_at > self.looked
            return
        before = (self.case.flag, self.case.level)
        later = self.looked + timedelta(days=400)
        case = Application(**{name: getattr(self.case, name) for name in _COLUMNS})
        clock.settle(case, later, self.calendar)
        clock.wind(case, _RULES[self.limit], self.calendar)
        assert (case.flag, case.level, case.consumed_days) == (*before, self.case.consumed_days)


_COLUMNS = (
    "state",
    "consumed_days",
    "state_days",
    "counted_to",
    "clock_runs",
    "level",
    "flag",
    "promised_on",
    "extended_days",
)
ClockMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
TestClock = ClockMachine.TestCase
