"""How the catalogue is searched: by a part of a name, or of the initials of its pinyin."""

from typing import Annotated

from pydantic import AfterValidator, Field

from chassis.text import Line
from kit.fields.half_width import half_width

Search = Annotated[Line, AfterValidator(half_width), Field(max_length=40)]
"""Full-width letters, as Chinese keyboards type them, are the same letters."""


def search_words(*names: str) -> str:
    """Names in small letters, and the initials of the pinyin of each."""
    # Imported when something is published: reading its dictionary took a third of this service's start.
    from pypinyin import Style, lazy_pinyin

    initials = ["".join(lazy_pinyin(name, style=Style.FIRST_LETTER)) for name in names]
    return " ".join((*names, *initials)).lower()
