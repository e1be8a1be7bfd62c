"""The four-eyes rule: the person who proposed or made something cannot approve it.

It is enforced twice: by the service, which refuses with a reason, and by a CHECK of the table.
"""

from typing import TypeVar
from uuid import UUID

from sqlalchemy import CheckConstraint

from chassis.problems import Problem


class SecondPersonNeeded(Problem):
    status, code = 403, "second_person_needed"


# One of the two, not their union: an id never equals its own text, which would switch the rule off.
Person = TypeVar("Person", UUID, str)


def require_second_person(acting: Person, *first: Person | None, refusal: type[Problem] = SecondPersonNeeded) -> None:
    """Refuse the person who took the first step.

    Args:
        acting: who approves or confirms.
        first: those who proposed it, made it or would profit from it; None where there is no such person.
        refusal: what to raise, where the slice has a code of its own.

    Raises:
        SecondPersonNeeded: or `refusal`.
    """
    if acting in first:
        raise refusal


def second_person_check(second: str, first: str, *, unless: str | None = None) -> CheckConstraint:
    """The rule as a constraint of a table; it holds nothing back while either column is NULL.

    Args:
        second: the column with who approved.
        first: the column with who proposed.
        unless: a condition under which both may be one person.
    """
    rule = f"{second} <> {first}"
    return CheckConstraint(f"{unless} OR {rule}" if unless else rule, name="second_person")
