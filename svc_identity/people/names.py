"""What a person is called: how a typed name is read, and how much of it is shown."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator

from svc_identity.fields import Name

MOST_LETTERS = 50
# Keyboards write the dot between the parts of a name in many ways; the registry knows one.
_DOTS = str.maketrans(dict.fromkeys("•・･⋅‧∙．", "·"))
_BETWEEN_LETTERS = frozenset("· .-'’")
# A letter here has its marks with it. Between two parts stands one sign, or the point of an initial and a space.
_PARTS = re.compile(r"LM*(?:LM*|\.? (?=L)|[·.'’-](?=L))*\.?")
_ZERO = "〇"
"""A character of names that Unicode counts among the numbers."""


def normalise_name(typed: str) -> str:
    """A typed name as it is compared: equal names are equal character by character.

    Raises:
        ValueError: no name. The sentence says why, and never repeats it.
    """
    name = typed.translate(_DOTS)
    kinds = "".join(_kind(character) for character in name)
    if "?" in kinds or "L" not in kinds:
        raise ValueError("a name is made of letters")
    if kinds.count("L") > MOST_LETTERS:
        raise ValueError("a name has at most 50 letters")
    if not _PARTS.fullmatch(kinds):
        raise ValueError("between two parts of a name stands one dot, hyphen or space, without spaces around a dot")
    return name


def mask_name(name: str) -> str:
    """`张三` as `张*`: enough for its owner to know it again; of a single letter nothing is shown."""
    return name[0] + "*" * (len(name) - 1) if len(name) > 1 else "*"


def _kind(character: str) -> str:
    if character in _BETWEEN_LETTERS:
        return character
    kind = unicodedata.category(character)[0]
    return "L" if character == _ZERO else kind if kind in "LM" else "?"


PersonName = Annotated[Name, AfterValidator(normalise_name)]
