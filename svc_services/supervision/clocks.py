"""Terms in working days: of the reply to a supervision order, and of a rectification.

Days are stored as they are counted, so that neither a pause nor a corrected calendar loses any.
"""

from datetime import date

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kit.calendar import Calendar


class Clocked:
    """The columns of a row with a term."""

    limit_days: Mapped[int]
    consumed_days: Mapped[int] = mapped_column(default=0)
    """Working days used up until `counted_to`."""
    counted_to: Mapped[date]
    due_on: Mapped[date]
    """The last working day of the term, as computed when the clock last ran."""
    look_at: Mapped[date | None]
    """The day on which it escalates next; NULL while the clock stands and when it has reached the top."""
    level: Mapped[int] = mapped_column(default=0)
    """0: in time; 1: overdue, with the operators of the division; 2: with those of the prefecture."""
    calendar_revision: Mapped[int]

    @property
    def runs(self) -> bool:
        raise NotImplementedError


def clock_checks() -> tuple[CheckConstraint, ...]:
    return (
        CheckConstraint("consumed_days >= 0", name="consumed_days"),
        CheckConstraint("level BETWEEN 0 AND 2", name="level"),
    )


def begin(row: Clocked, day: date, calendar: Calendar) -> None:
    """Begin a term; the day itself does not count."""
    row.consumed_days, row.counted_to, row.level = 0, day, 0
    wind(row, calendar)


def settle(row: Clocked, day: date, calendar: Calendar) -> None:
    """Count the days since the last count; call it before the status changes."""
    if day <= row.counted_to:
        return
    if row.runs:
        row.consumed_days += calendar.between(row.counted_to, day)
    row.counted_to = day


def wind(row: Clocked, calendar: Calendar) -> None:
    """Set what follows from the counted days: the last day, the level, and the day to look again."""
    limit, used = row.limit_days, row.consumed_days
    row.calendar_revision, row.look_at = calendar.revision, None
    if not row.runs:
        return
    steps = (limit + 1, limit + 1 + -(-limit // 2))
    if used <= limit:
        row.due_on = calendar.last_of(row.counted_to, limit - used)
    row.level = sum(used >= step for step in steps)
    ahead = [step - used for step in steps if step > used]
    row.look_at = calendar.after(row.counted_to, min(ahead)) if ahead else None
