"""Kinds of fields that request models share: the rules of `kit/fields` with this service's words for what is wrong."""

from datetime import date, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from chassis.text import Line
from kit.calendar import today
from kit.fields.half_width import half_width
from kit.fields.id_number import id_number_fault
from kit.fields.phones import LONGEST_PHONE, NotAMobile, NotAPhone, mobile_number
from kit.fields.uscc import uscc_fault

Name = Annotated[Line, Field(max_length=100)]


def normalise_uscc(typed: str) -> str:
    """A typed code as its 18 characters.

    Raises:
        ValueError: not of the shape, or a wrong check character.
    """
    code = typed.strip().upper()
    match uscc_fault(code):
        case "shape":
            raise ValueError("a USCC is 18 digits and capital letters without I, O, S, V and Z")
        case "check_character":
            raise ValueError("the check character does not fit")
    return code


def normalise_id_number(typed: str) -> str:
    """A typed number as its 18 characters.

    Raises:
        ValueError: not of the shape, no such province, no such day or one to come, or a wrong check character. The
            sentence says which, and never repeats the number.
    """
    number = half_width(typed).upper()
    match id_number_fault(number):
        case "former_card":
            raise ValueError("residence cards of 15 characters are not taken: exchange the card, or go to a counter")
        case "shape":
            raise ValueError("an ID number is 17 digits and a check character")
        case "province":
            raise ValueError("the first digits name no division")
        case "birth_date":
            raise ValueError("the date of birth is impossible")
        case "check_character":
            raise ValueError("the check character does not fit")
    return number


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


LONGEST = timedelta(days=366)


def _last_day(typed: date | None) -> date | None:
    if typed is not None and not timedelta(0) <= typed - today() <= LONGEST:
        raise ValueError("the last day is today at the earliest and within a year")
    return typed


Until = Annotated[
    date | None,
    Field(description="The last day, in China, at most a year ahead; without one it lasts a year."),
    AfterValidator(_last_day),
]
Uscc = Annotated[
    str,
    Field(max_length=32, description="Unified social credit code, GB 32100."),
    AfterValidator(normalise_uscc),
]
IdNumber = Annotated[
    str,
    Field(
        max_length=32,
        description="18 characters: of an identity card (GB 11643), of a residence permit for people from Hong Kong, "
        "Macao and Taiwan, or of a foreigner's permanent residence card from 2023 on (beginning with 9). Never sent "
        "back.",
    ),
    AfterValidator(normalise_id_number),
]
Phone = Annotated[
    str,
    Field(max_length=LONGEST_PHONE, description="A mobile number of mainland China.", examples=["+8613800000001"]),
    AfterValidator(normalise_phone),
]
