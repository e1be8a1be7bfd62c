"""Kinds of fields that request models share."""

import re
from datetime import date, time
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from chassis.text import Line
from kit.fields.customer_parameters import LONGEST_TYPED, canonical
from kit.fields.half_width import half_width

_ISO_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OF_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"


def _half_width(value: object) -> object:
    return half_width(value) if isinstance(value, str) else value


def _iso_day(value: object) -> object:
    """Pydantic would also take seconds since 1970, as a number or a string of digits."""
    if not isinstance(value, str) or not _ISO_DAY.fullmatch(value):
        raise ValueError("must be a day like 2026-01-31")
    return value


def _of_clock(value: object) -> object:
    """Pydantic would also take seconds since midnight, and a time with a zone."""
    if not isinstance(value, time) and (not isinstance(value, str) or not re.fullmatch(_OF_CLOCK, value)):
        raise ValueError("must be a time like 09:30")
    return value


Name = Annotated[Line, Field(max_length=200)]
Reason = Annotated[Line, Field(max_length=500)]
Number = Annotated[Line, Field(max_length=64), BeforeValidator(_half_width)]
"""A number as printed, such as a USCC; its shape is checked where it is used."""
AccountNumber = Annotated[Line, Field(max_length=LONGEST_TYPED), AfterValidator(canonical)]
"""An account number as people type it; the provider's declaration says whether it fits."""
Day = Annotated[date, BeforeValidator(_iso_day)]
ClockTime = Annotated[
    time,
    BeforeValidator(_of_clock),
    PlainSerializer("{:%H:%M}".format, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_OF_CLOCK}$"}),
]
"""Beijing time, to the minute."""
