"""Text that clients send: on one line, trimmed, and without characters that nobody can see."""

import unicodedata
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
"""One line of text in Unicode NFC, without surrounding space; whoever uses it says how long it may be."""
