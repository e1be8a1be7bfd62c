"""Mobile numbers of mainland China, however they are typed; kept as E.164."""

import re
from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, Field

_COUNTRY = 86
# The ministry opens new ranges faster than number libraries learn them, so only the shape is checked.
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LONGEST = 32


def normalise_phone(typed: str) -> str:
    """A typed number as E.164: `138 0000 0001`, full-width digits, `0086…` and `+86…` are all one number.

    Raises:
        ValueError: it is no mobile number of mainland China.
    """
    try:
        number = phonenumbers.parse(typed[: _LONGEST + 1], "CN")
    except phonenumbers.NumberParseException:
        raise ValueError("not a phone number") from None
    national = str(number.national_number)
    if number.country_code != _COUNTRY or number.extension or not _MOBILE.fullmatch(national):
        raise ValueError("not a mobile number of mainland China")
    return f"+{_COUNTRY}{national}"


def mask_phone(phone: str) -> str:
    """`+8613800000001` as `138****0001`."""
    national = phone.removeprefix(f"+{_COUNTRY}")
    return f"{national[:3]}****{national[-4:]}"


Phone = Annotated[
    str,
    Field(max_length=_LONGEST, description="A mobile number of mainland China.", examples=["+8613800000001"]),
    AfterValidator(normalise_phone),
]
