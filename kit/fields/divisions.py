"""Codes of administrative divisions (GB/T 2260)."""

from typing import Annotated

from pydantic import Field

WHOLE = "654000"
"""The prefecture, of which all other divisions are a part."""

DivisionCode = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{6}$",
        description="GB/T 2260 code of a division in Ili; 654000 is the whole prefecture.",
        examples=["654002"],
    ),
]
