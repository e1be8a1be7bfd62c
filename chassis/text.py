"""Text that clients send: on one line, trimmed, and without invisible characters; and the languages they ask for."""

import unicodedata
from collections.abc import Set as AbstractSet
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

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
