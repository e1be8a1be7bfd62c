"""The clock of a case: working days that are used up, what is promised, and when time alone changes something.

Consumed days are stored at each step, so a pause survives a change of limit, and the limit is never that of hours. The
day on which the clock begins to run does not count; a day on which it stops does, once. A corrected calendar changes
the days that are counted from then on.
"""

from collections.abc import Mapping
from datetime import date

from kit.calendar import Calendar, today
from svc_services.cases.applications.models import Application, Flag
from svc_services.cases.workflows.definition import WorkflowDefinition, WorkflowState


def settle(case: Application, day: date, calendar: Calendar) -> None:
    """Count the days since the last count; one that is earlier, by the clock of another process, counts nothing."""
    if case.counted_to is None or case.state is None or day <= case.counted_to:
        return
    passed = calendar.between(case.counted_to, day)
    if case.clock_runs:
        case.consumed_days += passed
    case.state_days = {**case.state_days, case.state: case.state_days.get(case.state, 0) + passed}
    case.counted_to = day


def wind(case: Application, rules: WorkflowDefinition, calendar: Calendar) -> None:
    """Set what follows from the state and the counted days: the promise, the flag, and the day to look again."""
    counted_to = case.counted_to or today()
    state = rules.state(str(case.state))
    case.clock_runs = not (state.stops_clock or state.ends)
    left = promised_days(case, rules) - case.consumed_days
    if case.clock_runs and left >= 0:
        case.promised_on = calendar.last_of(counted_to, left)
    over = [_standing(*each) for each in _clocks(case, rules, state)]
    case.level = max(level for _, level in over)
    case.flag = Flag.RED if case.level else Flag.YELLOW if any(near for near, _ in over) else None
    ahead = [days for days in _days_ahead(case, rules, state) if days > 0]
    case.look_at = calendar.after(counted_to, min(ahead)) if ahead else None
    case.calendar_revision = calendar.revision
    case.promised_by_weekdays = case.promised_on is not None and not calendar.knows(case.promised_on)


def promised_days(case: Application, rules: WorkflowDefinition) -> int:
    return rules.limit_days + case.extended_days


def renamed(state_days: Mapping[str, int], names: Mapping[str, str | None]) -> dict[str, int]:
    """The days of each state under its name in another version; those of states that become one are added up."""
    days: dict[str, int] = {}
    for name, used in state_days.items():
        to = names.get(name) or name
        days[to] = days.get(to, 0) + used
    return days


def timed_out(case: Application, state: WorkflowState) -> bool:
    days = case.state_days.get(state.name, 0)
    return state.limit_days is not None and days > _limit_of(case, state, state.limit_days)


def _limit_of(case: Application, state: WorkflowState, limit_days: int) -> int:
    return limit_days + (case.extended_days if state.name == case.extended_state else 0)


def _clocks(case: Application, rules: WorkflowDefinition, state: WorkflowState) -> list[tuple[int, int]]:
    """Used and allowed days: of the whole, and of the state where its time is the office's."""
    clocks = [(case.consumed_days, promised_days(case, rules))]
    if case.clock_runs and state.limit_days is not None:
        clocks.append((case.state_days.get(state.name, 0), _limit_of(case, state, state.limit_days)))
    return clocks


def _standing(used: int, limit: int) -> tuple[bool, int]:
    """Whether four fifths are used, and how far the case has risen."""
    yellow, red, top = _thresholds(limit)
    return used >= yellow, (used >= red) + (used >= top)


def _thresholds(limit: int) -> tuple[int, int, int]:
    """The days used at which a clock is yellow, red, and red for the prefecture: after half of the limit again."""
    return -(-limit * 4 // 5), limit + 1, limit + 1 + -(-limit // 2)


def _days_ahead(case: Application, rules: WorkflowDefinition, state: WorkflowState) -> list[int]:
    """How many working days from the last count on something changes; not positive where it has already."""
    in_state = case.state_days.get(state.name, 0)
    ahead = []
    if case.clock_runs:
        ahead = [each - used for used, limit in _clocks(case, rules, state) for each in _thresholds(limit)]
    if state.limit_days is not None and rules.timeout(state.name):
        ahead.append(_limit_of(case, state, state.limit_days) + 1 - in_state)
    return ahead
