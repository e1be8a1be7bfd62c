"""Kinds of fields that several services take, one rule each.

A rule names the fault and raises no sentence: each service has its own sentences and their translations.
"""

import re
import unicodedata
from datetime import date
from typing import Annotated, Literal

import phonenumbers
from pydantic import Field
from stdnum.cn import uscc as gb32100
from stdnum.iso7064 import mod_11_2

from kit.calendar import today

# Registration authority and category, six digits of division, nine characters of organisation code, check character;
# letters I, O, S, V and Z are not used. stdnum's own validate() wants digits in the first two places, which refuses
# rural collectives ("N2...") and others.
_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_ID_NUMBER = re.compile(r"[0-9]{17}[0-9X]")
# GB/T 2260 provinces, and 81 to 83 of residence permits. Counties come and go, and a number keeps the code of the place
# and day it was given, so which county it was is left to the population registry.
_PROVINCES = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_OLDEST = date(1900, 1, 1)
_CHINA = 86
# The ministry opens new ranges faster than number libraries learn them, so only the shape is checked.
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
LONGEST_PHONE = 32

DivisionCode = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{6}$",
        description="GB/T 2260 code of a division in Ili; 654000 is the whole prefecture.",
        examples=["654002"],
    ),
]


class NotAPhone(Exception):  # noqa: N818 - each caller has a refusal of its own for it
    """The input is not a phone number."""


class NotAMobile(Exception):  # noqa: N818 - as above
    """A phone number, but not a mobile number of mainland China."""


def half_width(text: str) -> str:
    """Full-width digits and letters, as Chinese keyboards type them, in their ASCII form, without space around them."""
    return unicodedata.normalize("NFKC", text).strip()


def uscc_fault(code: str) -> Literal["shape", "check_character"] | None:
    """The fault of a unified social credit code (GB 32100-2015), given in capitals without spaces."""
    if not _USCC.fullmatch(code):
        return "shape"
    return None if gb32100.calc_check_digit(code[:-1]) == code[-1] else "check_character"


def id_number_fault(number: str) -> Literal["shape", "province", "birth_date", "check_character"] | None:
    """The fault of a citizen ID number (GB 11643-1999), given in half-width capitals."""
    if not _ID_NUMBER.fullmatch(number):
        return "shape"
    if not _PROVINCES.match(number):
        return "province"
    if not _is_birth_date(number[6:14]):
        return "birth_date"
    return None if mod_11_2.is_valid(number) else "check_character"


def _is_birth_date(digits: str) -> bool:
    try:
        return _OLDEST <= date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) <= today()
    except ValueError:
        return False


def mobile_number(typed: str) -> str:
    """A mobile number of mainland China as E.164: `138 0000 0001`, full-width digits, `0086…` and `+86…` are all one.

    Raises:
        NotAPhone, NotAMobile
    """
    try:
        number = phonenumbers.parse(typed[: LONGEST_PHONE + 1], "CN")
    except phonenumbers.NumberParseException:
        raise NotAPhone from None
    national = str(number.national_number)
    if number.country_code != _CHINA or number.extension or not _MOBILE.fullmatch(national):
        raise NotAMobile
    return f"+{_CHINA}{national}"


def mask_phone(phone: str) -> str:
    """`+8613800000001` as `138****0001`."""
    national = phone.removeprefix(f"+{_CHINA}")
    return f"{national[:3]}****{national[-4:]}"
