"""Text that people type and others read: bounded, on one line, without characters that cannot be seen."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

# Control and format characters, surrogates, private use, unassigned, line and paragraph separators: they hide in a
# name, turn the direction of the text around it, or cannot be stored (PostgreSQL has no U+0000).
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _visible(value: str) -> str:
    if any(unicodedata.category(character) in _INVISIBLE for character in value):
        raise ValueError("must not contain line breaks, control characters or invisible characters")
    return unicodedata.normalize("NFC", value)


def _line(length: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=length)


Name = Annotated[str, _line(40), AfterValidator(_visible)]
Line = Annotated[str, _line(300), AfterValidator(_visible)]
Code = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,63}$")]
LanguageTag = Annotated[str, StringConstraints(pattern="^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$")]
"""A BCP 47 tag: zh-Hans, kk-Arab, ug, en."""


def key_of(name: str) -> str:
    """What two names have in common when a reader would take them for the same one."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())
