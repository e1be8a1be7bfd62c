"""Mobile phone numbers of mainland China."""

import re

import phonenumbers

_CHINA = 86
# The ministry opens new ranges faster than number libraries learn them, so only the shape is checked.
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_DIGITS = 11
LONGEST_PHONE = 32


class NotAPhone(Exception):  # noqa: N818 - each caller has a refusal of its own for it
    """The input is not a phone number."""


class NotAMobile(Exception):  # noqa: N818 - as above
    """A phone number, but not a mobile number of mainland China."""


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
    """`+8613800000001` as `138****0001`; of anything shorter than such a number nothing is shown."""
    national = phone.removeprefix(f"+{_CHINA}")
    return f"{national[:3]}****{national[-4:]}" if len(national) >= _DIGITS else "****"
