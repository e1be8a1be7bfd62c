"""Unified social credit codes of organisations (GB 32100-2015)."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from stdnum.cn import uscc

_SHAPE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_LENGTH = 18


def normalise_uscc(typed: str) -> str:
    """A typed code as its 18 characters.

    Raises:
        ValueError: not of the shape, or a wrong check character.
    """
    code = typed.strip().upper()
    if len(code) != _LENGTH or not _SHAPE.fullmatch(code):
        raise ValueError("a USCC is 18 digits and capital letters without I, O, S, V and Z")
    if uscc.calc_check_digit(code[:-1]) != code[-1]:
        raise ValueError("the check character does not fit")
    return code


Uscc = Annotated[
    str,
    Field(max_length=32, description="Unified social credit code, GB 32100."),
    AfterValidator(normalise_uscc),
]
