"""How the catalogue is searched: by a part of a name, or of the initials of its pinyin."""

from typing import Annotated

from pydantic import Field
from pypinyin import Style, lazy_pinyin

from chassis.text import Line

Search = Annotated[Line, Field(max_length=40)]


def search_words(*names: str) -> str:
    """Names in small letters, and the initials of the pinyin of each."""
    initials = ["".join(lazy_pinyin(name, style=Style.FIRST_LETTER)) for name in names]
    return " ".join((*names, *initials)).lower()
