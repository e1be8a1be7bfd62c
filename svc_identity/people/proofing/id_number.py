"""Citizen ID numbers (GB 11643-1999)."""

import re
import unicodedata
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, Field
from stdnum.iso7064 import mod_11_2

from chassis.db import CHINA

_SHAPE = re.compile(r"[0-9]{17}[0-9X]")
# GB/T 2260 provinces, and 81 to 83 of residence permits. Counties come and go, and a number keeps the code of the place
# and day it was given, so which county it was is left to the population registry.
_PROVINCES = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_OLDEST = date(1900, 1, 1)


def normalise_id_number(typed: str) -> str:
    """A typed number as its 18 characters.

    Raises:
        ValueError: not of the shape, no such province, no such day or one to come, or a wrong check character. The
            sentence says which, and never repeats the number.
    """
    number = unicodedata.normalize("NFKC", typed).strip().upper()
    if not _SHAPE.fullmatch(number):
        raise ValueError("an ID number is 17 digits and a check character")
    if not _PROVINCES.match(number):
        raise ValueError("the first digits name no division")
    if not _OLDEST <= _birth_date(number) <= datetime.now(CHINA).date():
        raise ValueError("the date of birth is impossible")
    if not mod_11_2.is_valid(number):
        raise ValueError("the check character does not fit")
    return number


def _birth_date(number: str) -> date:
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise ValueError("the date of birth is impossible") from None


IdNumber = Annotated[
    str,
    Field(max_length=32, description="Citizen ID number, GB 11643. Never sent back."),
    AfterValidator(normalise_id_number),
]
