"""Kinds of fields that request models share."""

import unicodedata
from typing import Annotated

from pydantic import Field, StringConstraints

from chassis.text import Line

Name = Annotated[Line, Field(max_length=40)]
Sentence = Annotated[Line, Field(max_length=300)]
Code = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,63}$")]
LanguageTag = Annotated[str, StringConstraints(pattern="^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$")]
"""A BCP 47 tag: zh-Hans, kk-Arab, ug, en."""


def key_of(name: str) -> str:
    """A key that two names share when a reader would take them for the same."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())
