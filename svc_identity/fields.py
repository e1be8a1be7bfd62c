"""Kinds of text that request models share."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints


def _printable(value: str) -> str:
    # NUL cannot be stored in PostgreSQL at all; the other control characters have no place in a line of text.
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
        raise ValueError("control characters are not allowed")
    return unicodedata.normalize("NFC", value)


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_printable)
]
"""One line of text, in Unicode NFC, without surrounding space."""

DivisionCode = Annotated[
    str, Field(pattern=r"^[0-9]{6}$", description="GB/T 2260 code of a division in Ili.", examples=["654002"])
]
