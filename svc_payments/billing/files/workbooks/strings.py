"""The texts of cells. Most are in the shared string table, which is kept on disk: a million rows have millions."""

import mmap
import re
from array import array
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from svc_payments.billing.files.refusals import WorkbookBroken, WorkbookTooLarge
from svc_payments.billing.files.workbooks.archive import LARGEST_UNPACKED
from svc_payments.billing.files.workbooks.markup import Markup, local

MOST_STRINGS = 20_000_000
LONGEST_TEXT = 64 * 1024
"""Characters of one cell; spreadsheet programs take 32,767."""
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATES = range(0xD800, 0xE000)


def plain(text: str) -> str:
    """A cell's text as one line: escapes undone (ECMA-376, 22.9.2.19), line breaks and other controls as spaces."""
    if "_x" in text:
        text = _ESCAPE.sub(_unescaped, text)
    return text if text.isprintable() else _CONTROLS.sub(" ", text)


def _unescaped(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if code in _SURROGATES else chr(code)


class Strings:
    """The table of shared strings."""

    def __init__(self, pieces: Iterator[bytes] | None, file: BinaryIO) -> None:
        """Read the table.

        Args:
            pieces: its part; None for a workbook without one.
            file: an empty one, where it is kept.
        """
        self._ends = array("L", [0])
        self._write: list[bytes] = []
        self._text: list[str] = []
        self._length = 0
        self._spelled = 0  # how many elements deep in a reading aid for Chinese or Japanese, which is no text
        self._markup = Markup(self._start, self._end)
        for piece in pieces or ():
            self._markup.feed(piece)
            file.write(b"".join(self._write))
            self._write.clear()
        if pieces is not None:
            self._markup.feed(b"", final=True)
        file.flush()
        self._bytes: bytes | mmap.mmap = b""
        if self._ends[-1]:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __getitem__(self, number: str) -> str:
        """The text that a cell means by a number."""
        if not (number.isascii() and number.isdecimal()) or int(number) >= len(self._ends) - 1:
            raise WorkbookBroken
        at = int(number)
        return self._bytes[self._ends[at] : self._ends[at + 1]].decode()

    def _start(self, name: str, _: Mapping[str, str]) -> None:
        match local(name):
            case "si":
                self._text, self._length = [], 0
            case "rPh":
                self._spelled += 1
            case "t" if not self._spelled:
                self._markup.listen(self._add)

    def _end(self, name: str) -> None:
        match local(name):
            case "t":
                self._markup.listen(None)
            case "rPh":
                self._spelled -= 1
            case "si":
                self._keep(plain("".join(self._text)).encode())

    def _add(self, text: str) -> None:
        self._length += len(text)
        if self._length > LONGEST_TEXT:
            raise WorkbookBroken
        self._text.append(text)

    def _keep(self, text: bytes) -> None:
        if len(self._ends) > MOST_STRINGS:
            raise WorkbookTooLarge(limit_bytes=LARGEST_UNPACKED)
        self._write.append(text)
        self._ends.append(self._ends[-1] + len(text))
