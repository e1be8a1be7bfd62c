"""Kinds of text that request models share."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

# Control and format characters, surrogates, private use, unassigned, line and paragraph separators: they cannot be
# stored (PostgreSQL has no U+0000), hide in a name, or turn the direction of the text around it.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _printable(value: str) -> str:
    if any(unicodedata.category(character) in _INVISIBLE for character in value):
        raise ValueError("must not contain control or invisible characters")
    return unicodedata.normalize("NFC", value)


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_printable)
]
"""One line of text, in Unicode NFC, without surrounding space."""

DivisionCode = Annotated[
    str, Field(pattern=r"^[0-9]{6}$", description="GB/T 2260 code of a division in Ili.", examples=["654002"])
]
