"""Patterns of numbers: a regular language so small that matching takes linear time in every dialect.

A pattern is a row of characters and classes, such as `1[3-9][0-9]{9}` or `KT-[0-9A-Z]{6,8}`. There is no alternation,
no nesting and no unbounded repetition, and one repetition at most has a variable length: with two, an engine that
backtracks would try every way to divide a text between them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kit.fields.check_rules import CAPITALS, DIGITS

LONGEST_NUMBER = 32
LONGEST_PATTERN = 200
_SHORTEST_NUMBER = 4
_ITEM = re.compile(
    r"(?:(?P<one>[0-9A-Z-])|\[(?P<many>[0-9A-Z-]+)\])(?:\{(?P<least>[0-9]{1,2})(?:,(?P<most>[0-9]{1,2}))?\})?"
)
_RANGE = re.compile(r"([0-9A-Z])(?:-([0-9A-Z]))?")


class NotAPattern(Exception):  # noqa: N818 - each caller has a refusal of its own for it
    """The text is no pattern of this language."""


@dataclass(frozen=True)
class NumberPattern:
    text: str
    """Anchored at both ends: it means the same in every dialect of regular expressions."""
    least: int
    """Characters of the shortest number."""
    most: int
    characters: frozenset[str]
    """All that may occur."""
    first: frozenset[str]
    """Those that a number may begin with."""
    last_two: frozenset[str]
    """Those that may stand in the last two places."""

    @property
    def inside(self) -> str:
        """The pattern without its anchors, as a part of a longer one."""
        return self.text[1:-1]


@lru_cache(maxsize=1_024)
def number_pattern(written: str) -> NumberPattern:
    """Read a pattern, with or without its anchors.

    Raises:
        NotAPattern: it is not of this language, or its numbers are shorter than 4 or longer than 32 characters.
    """
    inside = written.removeprefix("^").removesuffix("$")
    if len(written) > LONGEST_PATTERN:
        raise NotAPattern
    least = most = variable = at = 0
    characters, first = frozenset[str](), frozenset[str]()
    items: list[tuple[frozenset[str], int]] = []
    while at < len(inside):
        item = _ITEM.match(inside, at)
        if item is None:
            raise NotAPattern
        admitted, (fewest, many) = _class_of(item), _repetition(item)
        # The characters after what may be left out can come first as well.
        first = first if least else first | admitted
        characters, variable = characters | admitted, variable + (fewest < many)
        least, most, at = least + fewest, most + many, item.end()
        items.append((admitted, fewest))
    if variable > 1 or not _SHORTEST_NUMBER <= least <= most <= LONGEST_NUMBER:
        raise NotAPattern
    return NumberPattern(f"^{inside}$", least, most, characters, first, _in_last_two(items))


def _in_last_two(items: Sequence[tuple[frozenset[str], int]]) -> frozenset[str]:
    found, certain = frozenset[str](), 0
    for admitted, fewest in reversed(items):
        found, certain = found | admitted, certain + fewest
        if certain >= 2:  # noqa: PLR2004 - the two places
            break
    return found


def _class_of(item: re.Match[str]) -> frozenset[str]:
    if one := item["one"]:
        return frozenset(one)
    admitted, at, many = set[str](), 0, item["many"]
    while at < len(many):
        part = _RANGE.match(many, at)
        if part is None:
            raise NotAPattern
        begin, end = part[1], part[2] or part[1]
        of_one_kind = {begin, end} <= DIGITS or {begin, end} <= CAPITALS
        if not of_one_kind or begin > end:
            raise NotAPattern
        admitted |= {chr(code) for code in range(ord(begin), ord(end) + 1)}
        at = part.end()
    return frozenset(admitted)


def _repetition(item: re.Match[str]) -> tuple[int, int]:
    least = int(item["least"] or 1)
    most = int(item["most"]) if item["most"] else least
    if not 0 <= least <= most or most == 0:
        raise NotAPattern
    return least, most
