"""What a reading says: the usage since the one before, whether the meter began again, and whether it is unusual."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from chassis.problems import Problem

_UNUSUAL = 5
"""Times the usual usage of a day."""


class ReadingBelowLast(Problem):
    status, code = 422, "reading_below_last"


class ReadingBeyondRegister(Problem):
    status, code = 422, "reading_beyond_register"


@dataclass(frozen=True)
class Base:
    """What a new reading is compared with: the last one of this meter, or the meter's first."""

    reading: Decimal
    on: date


@dataclass(frozen=True)
class Outcome:
    usage: Decimal | None
    rolled_over: bool
    unusual: bool
    """The person has to confirm it."""


def outcome_of(
    reading: Decimal, on: date, base: Base | None, digits: int | None, usual_a_day: Decimal | None
) -> Outcome:
    """What a reading comes to.

    Raises:
        ReadingBelowLast: it is lower than the one before, and that the meter began again cannot be.
        ReadingBeyondRegister: the meter has fewer digits.
    """
    if digits is not None and reading >= 10**digits:
        raise ReadingBeyondRegister(digits=digits)
    if base is None:
        return Outcome(None, rolled_over=False, unusual=False)
    usage, rolled_over = reading - base.reading, False
    if usage < 0:
        # At most half a round, as for the readings of bills: more is rather a reading mistaken or of another meter.
        usage, rolled_over = usage + (10**digits if digits else 0), True
        if digits is None or usage * 2 > 10**digits:
            raise ReadingBelowLast(last=f"{base.reading.normalize():f}")
    days = max((on - base.on).days, 1)
    much = usual_a_day is not None and usage > usual_a_day * days * _UNUSUAL
    return Outcome(usage, rolled_over, unusual=rolled_over or much)


def is_open(day: date, first_day: int | None, last_day: int | None) -> bool:
    """Whether a provider takes readings on a day. In a month that is too short, its last day stands for later ones."""
    if first_day is None or last_day is None:
        return True
    of_month = monthrange(day.year, day.month)[1]
    first, last = min(first_day, of_month), min(last_day, of_month)
    if first_day <= last_day:
        return first <= day.day <= last
    return day.day >= first or day.day <= last


def opens_on(day: date, first_day: int | None, last_day: int | None) -> date:
    """The next day on which readings are taken."""
    while not is_open(day, first_day, last_day):
        day += timedelta(days=1)
    return day
