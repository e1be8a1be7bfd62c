"""How old somebody is, by the birth date in their ID number and the day in China."""

from datetime import UTC, date, datetime, time

from chassis.db import CHINA
from kit.calendar import today

ADULT = 18
OWN_CONSENT = 14
"""From this age on a person agrees themselves that their data is processed (PIPL 31)."""


def birthday(id_number: str, years: int) -> date:
    """The day on which the owner of an ID number reaches an age; born on 29 February, on 1 March of other years."""
    year, month, day = int(id_number[6:10]) + years, int(id_number[10:12]), int(id_number[12:14])
    try:
        return date(year, month, day)
    except ValueError:
        return date(year, 3, 1)


def is_under(id_number: str, years: int) -> bool:
    return today() < birthday(id_number, years)


def adult_from(id_number: str) -> datetime:
    """The first moment of the eighteenth birthday, in China."""
    return datetime.combine(birthday(id_number, ADULT), time.min, CHINA).astimezone(UTC)
