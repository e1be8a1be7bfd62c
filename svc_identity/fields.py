"""Kinds of fields that request models share."""

from typing import Annotated

from pydantic import Field

from chassis.text import Line

Name = Annotated[Line, Field(max_length=100)]
DivisionCode = Annotated[
    str, Field(pattern=r"^[0-9]{6}$", description="GB/T 2260 code of a division in Ili.", examples=["654002"])
]
