"""Digits as people type them."""

import unicodedata

_LONGEST = 20
_BETWEEN = "-\u2010\u2011\u2012\u2013,\u3001\u060c"
"""Hyphens, dashes and commas between groups of digits."""


def plain_digits(typed: str) -> str:
    """What was typed, in ASCII digits: people also type Arabic or full-width ones, and group them."""
    kept = (character for character in typed[:_LONGEST] if not (character.isspace() or character in _BETWEEN))
    return "".join(str(unicodedata.decimal(character, character)) for character in kept)
