"""Text that clients send: one line, trimmed, no invisible characters; the languages they ask for; days and moments."""

import re
import unicodedata
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, StringConstraints

# Control and format characters, surrogates, private use, unassigned, line and paragraph separators: they cannot be
# stored (PostgreSQL has no U+0000), hide in a name, or turn the direction of the text around it.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _visible(value: str) -> str:
    if any(unicodedata.category(character) in _INVISIBLE for character in value):
        raise ValueError("must not contain line breaks, control characters or invisible characters")
    return unicodedata.normalize("NFC", value)


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_visible)]
"""One line of text in Unicode NFC, without surrounding space; its user limits the length."""


def nearest_tag(tag: str, known: AbstractSet[str]) -> str | None:
    """The known BCP 47 tag that fits best (RFC 4647, 3.4): `kk-Arab-CN` finds `kk-Arab` and, only without it, `kk`."""
    by_name = {each.lower(): each for each in known}
    wanted = tag.lower()
    while wanted and wanted not in by_name:
        wanted = wanted.rpartition("-")[0]
    return by_name.get(wanted)


_NUMBER = re.compile(r"\s*[-+]?[0-9_.]*(e[-+]?[0-9]+)?\s*", re.IGNORECASE)


def _no_number(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        raise ValueError("must be a date or a time as in ISO 8601, not a number")
    return value


# Pydantic takes a number, also in a string, for seconds since 1970.
NO_NUMBER = BeforeValidator(_no_number)
Day = Annotated[date, NO_NUMBER]
Instant = Annotated[AwareDatetime, NO_NUMBER]
