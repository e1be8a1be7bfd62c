"""The number of a case, the same at the counter, online and on paper: `261130-654002-4829157-3`.

The day and the division of its filing, seven random digits, and a check digit of ISO 7064, MOD 11,10. It names nobody,
and knowing the number of one case does not tell that of another. It stays when the case moves to another division.
"""

import re
import secrets
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from stdnum.iso7064 import mod_11_10

from chassis.text import Line
from kit.calendar import today
from kit.fields.half_width import half_width
from svc_services.cases.applications.models import Application

_DIGITS = re.compile("[0-9]{20}")
_RANDOM_DIGITS = 7
_LONGEST_TYPED = 40


def _half_width(value: object) -> object:
    return half_width(value) if isinstance(value, str) else value


def _canonical(typed: str) -> str:
    digits = re.sub(r"[\s\-\u2010-\u2015]", "", typed)
    if not _DIGITS.fullmatch(digits) or not mod_11_10.is_valid(digits):
        raise ValueError("must be the number of a case; a digit is missing or mistyped")
    return _grouped(digits)


CaseNumber = Annotated[Line, Field(max_length=_LONGEST_TYPED), BeforeValidator(_half_width), AfterValidator(_canonical)]
"""As people type it, with or without hyphens."""


async def new_number(tx: AsyncSession, division_code: str) -> str:
    """Draw a number that no case has, and keep others from drawing it until the transaction ends.

    Each number is a lock of its own, so applications that are filed at once do not wait for each other.
    """
    while True:
        number = _drawn(division_code)
        with tx.no_autoflush:  # it is drawn in the middle of a step of a case
            mine = await tx.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(f"case {number}", 0))))
            taken: UUID | None = await tx.scalar(select(Application.id).where(Application.case_number == number))
        if mine and taken is None:
            return number


def _drawn(division_code: str) -> str:
    start = f"{today():%y%m%d}{division_code}{secrets.randbelow(10**_RANDOM_DIGITS):0{_RANDOM_DIGITS}}"
    return _grouped(start + mod_11_10.calc_check_digit(start))


def _grouped(digits: str) -> str:
    return "-".join((digits[:6], digits[6:12], digits[12:19], digits[19:]))
