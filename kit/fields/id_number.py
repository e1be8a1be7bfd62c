"""ID numbers of people: citizens, residents from Hong Kong, Macao and Taiwan, foreigners with permanent residence.

The first two are numbers of GB 11643-1999; those of foreigners' cards issued since 2023-12-01 have the same length and
check character, and begin with 9, the province of the application (2 digits) and the country (3).
"""

import re
from datetime import date
from typing import Literal

from stdnum.iso7064 import mod_11_2

from kit.calendar import today

_ID_NUMBER = re.compile(r"[0-9]{17}[0-9X]")
# GB/T 2260 provinces, and 81 to 83 of residence permits. Counties come and go, and a number keeps the code of the place
# and day it was given, so which county it was is left to the population registry.
_PROVINCES = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_FOREIGNER = "9"
# Foreigners' cards of before 2023-12: sources contradict each other about their parts and check digit.
_FORMER_CARD = re.compile(r"[A-Z]{3}[0-9]{12}")
_OLDEST = date(1900, 1, 1)
_SHOWN_FIRST, _SHOWN_LAST = 3, 4
_FEWEST_HIDDEN = 6


def id_number_fault(
    number: str,
) -> Literal["former_card", "shape", "province", "birth_date", "check_character"] | None:
    """The fault of a number, given in half-width capitals."""
    if _FORMER_CARD.fullmatch(number):
        return "former_card"
    if not _ID_NUMBER.fullmatch(number):
        return "shape"
    is_foreigner = number.startswith(_FOREIGNER)
    if not _PROVINCES.match(number, 1 if is_foreigner else 0):
        return "province"
    if not _is_birth_date(number[6:14]):
        return "birth_date"
    return None if mod_11_2.is_valid(number) else "check_character"


def mask_id_number(number: str) -> str:
    """`11010519491231002X` as `110***********002X`; of a shorter one nothing is shown."""
    hidden = len(number) - _SHOWN_FIRST - _SHOWN_LAST
    if hidden < _FEWEST_HIDDEN:
        return "*" * len(number)
    return number[:_SHOWN_FIRST] + "*" * hidden + number[-_SHOWN_LAST:]


def _is_birth_date(digits: str) -> bool:
    try:
        return _OLDEST <= date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) <= today()
    except ValueError:
        return False
