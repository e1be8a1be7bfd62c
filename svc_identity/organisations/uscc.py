"""Unified social credit codes of organisations (GB 32100-2015)."""

from typing import Annotated

from pydantic import AfterValidator, Field

from kit.fields import uscc_fault


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


Uscc = Annotated[
    str,
    Field(max_length=32, description="Unified social credit code, GB 32100."),
    AfterValidator(normalise_uscc),
]
