"""No file keeps the markers of an unfinished merge."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import Fault, files

# Spelled by repetition, so that this file does not contain what it looks for.
_OPENING, _MIDDLE, _CLOSING = "<" * 7, "=" * 7, ">" * 7
_LABELLED = re.compile(rf"^(?:{_OPENING}|{_CLOSING}) \S", re.MULTILINE)
# A bare marker may underline a title of seven letters, so it counts only where the three follow each other.
_CONFLICT = re.compile(
    rf"^({_OPENING})(?: [^\n]*)?\r?$.*?^({_MIDDLE})\r?$.*?^({_CLOSING})(?: [^\n]*)?\r?$", re.MULTILINE | re.DOTALL
)
_TODO = "a merge was left unfinished: choose between its two sides and delete the marker."


def faults(root: Path) -> Iterator[Fault]:
    for path in files(root):
        content = (root / path).read_bytes()
        if _OPENING.encode() in content or _CLOSING.encode() in content:
            for line in markers(content.decode("utf-8", errors="replace")):
                yield Fault(path, line, _TODO)


def markers(text: str) -> list[int]:
    """The numbers, from 1, of the lines that are conflict markers."""
    starts = {found.start() for found in _LABELLED.finditer(text)}
    for conflict in _CONFLICT.finditer(text):
        starts |= {conflict.start(part) for part in (1, 2, 3)}
    return sorted(text.count("\n", 0, start) + 1 for start in starts)
