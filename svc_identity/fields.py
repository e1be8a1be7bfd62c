"""Kinds of fields that request models share."""

from typing import Annotated

from pydantic import Field

from chassis.text import Line

Name = Annotated[Line, Field(max_length=100)]
