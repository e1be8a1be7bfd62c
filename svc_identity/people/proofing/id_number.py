"""Citizen ID numbers (GB 11643-1999)."""

from typing import Annotated

from pydantic import AfterValidator, Field

from kit.fields import half_width, id_number_fault


def normalise_id_number(typed: str) -> str:
    """A typed number as its 18 characters.

    Raises:
        ValueError: not of the shape, no such province, no such day or one to come, or a wrong check character. The
            sentence says which, and never repeats the number.
    """
    number = half_width(typed).upper()
    match id_number_fault(number):
        case "shape":
            raise ValueError("an ID number is 17 digits and a check character")
        case "province":
            raise ValueError("the first digits name no division")
        case "birth_date":
            raise ValueError("the date of birth is impossible")
        case "check_character":
            raise ValueError("the check character does not fit")
    return number


IdNumber = Annotated[
    str,
    Field(max_length=32, description="Citizen ID number, GB 11643. Never sent back."),
    AfterValidator(normalise_id_number),
]
