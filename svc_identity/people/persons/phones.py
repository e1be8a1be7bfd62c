"""Mobile numbers of mainland China, however they are typed; kept as E.164."""

from typing import Annotated

from pydantic import AfterValidator, Field

from kit.fields import LONGEST_PHONE, NotAMobile, NotAPhone, mobile_number


def normalise_phone(typed: str) -> str:
    """A typed number as E.164.

    Raises:
        ValueError: it is no mobile number of mainland China.
    """
    try:
        return mobile_number(typed)
    except NotAPhone:
        raise ValueError("not a phone number") from None
    except NotAMobile:
        raise ValueError("not a mobile number of mainland China") from None


Phone = Annotated[
    str,
    Field(max_length=LONGEST_PHONE, description="A mobile number of mainland China.", examples=["+8613800000001"]),
    AfterValidator(normalise_phone),
]
