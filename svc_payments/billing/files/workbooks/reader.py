"""From a workbook to the lines of a bill file.

A workbook becomes the text of a CSV file with the same table, line by line under its row numbers, and is then ingested
like every bill file. It is read as a stream, whatever its size: libraries that load whole sheets take 700 MB for a
million rows, and return numbers as floats.
"""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from tempfile import TemporaryFile
from typing import BinaryIO

from svc_payments.billing.bills.validation import COLUMNS, normalised
from svc_payments.billing.files.refusals import EmptyFile, SeveralSheets, WorkbookBroken
from svc_payments.billing.files.workbooks.archive import Archive
from svc_payments.billing.files.workbooks.cells import Faults
from svc_payments.billing.files.workbooks.markup import elements, local
from svc_payments.billing.files.workbooks.sheet import Book, Sheet
from svc_payments.billing.files.workbooks.strings import Strings
from svc_payments.billing.files.workbooks.styles import styles_in
from svc_payments.billing.files.workbooks.visibility import TRUE

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BLOCK_LINES = 2_000
_MOST_ROWS_TO_HEADER = 11
"""Titles may stand above it."""


def write_lines(file: BinaryIO, lines: BinaryIO) -> Faults:
    """Write the one table of a workbook as lines of UTF-8; gives the rows that are refused for how they are stored.

    Raises:
        WorkbookBroken, WorkbookTooLarge: it cannot be read, or not within bounds.
        SeveralSheets: it does not say which of its sheets has the bills.
        EmptyFile: every sheet is empty.
    """
    archive = Archive(file)
    contents = _contents_of(archive)
    with TemporaryFile() as kept:
        strings = Strings(archive.pieces(contents.strings) if contents.strings else None, kept)
        styles = styles_in(archive.pieces(contents.styles)) if contents.styles else []
        book = Book(strings, styles, contents.since_1904, contents.computed_on_load)
        sheet = Sheet(book)
        _write(sheet.rows(archive.pieces(_table_in(archive, contents, book))), lines)
    return sheet.faults


def _write(rows: Iterator[tuple[int, list[str]]], lines: BinaryIO) -> None:
    block: list[str] = []
    written = 0
    for row, values in rows:
        block.append("\n" * (row - written - 1))
        block.append(_line(values))
        written = row
        if len(block) >= _BLOCK_LINES:
            lines.write("".join(block).encode())
            block.clear()
    lines.write("".join(block).encode())


def _line(values: list[str]) -> str:
    line = ",".join(values)
    if '"' in line or line.count(",") >= len(values):
        line = ",".join(_quoted(value) if '"' in value or "," in value else value for value in values)
    return line + "\n"


def _quoted(value: str) -> str:
    doubled = value.replace('"', '""')
    return f'"{doubled}"'


@dataclass(frozen=True)
class _Contents:
    """The names of the parts that matter."""

    sheets: list[str]
    """The visible sheets; all of them when none is visible."""
    strings: str | None
    styles: str | None
    since_1904: bool
    computed_on_load: bool


def _contents_of(archive: Archive) -> _Contents:
    workbook = next((target for kind, target in _related(archive, "").values() if kind == "officeDocument"), None)
    if workbook is None:
        raise WorkbookBroken
    related = _related(archive, workbook)
    shown, hidden, since_1904, computed_on_load = list[str](), list[str](), False, False
    for name, attributes in elements(archive.pieces(workbook)):
        if name == "workbookPr":
            since_1904 = attributes.get("date1904", "0") in TRUE
        elif name == "calcPr":
            computed_on_load = attributes.get("fullCalcOnLoad") in TRUE
        elif name == "sheet":
            kind, target = related.get(_relation_of(attributes), ("", ""))
            if kind == "worksheet":
                (shown if attributes.get("state", "visible") == "visible" else hidden).append(target)
    parts = {kind: target for kind, target in related.values() if target in archive}
    return _Contents(shown or hidden, parts.get("sharedStrings"), parts.get("styles"), since_1904, computed_on_load)


def _related(archive: Archive, part: str) -> dict[str, tuple[str, str]]:
    """What a part refers to: by id the kind and the name of another part."""
    folder, name = posixpath.split(part)
    related = {}
    for element, attributes in elements(archive.pieces(posixpath.join(folder, "_rels", f"{name}.rels"))):
        if element == "Relationship" and attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2]
            target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", "")))
            related[attributes.get("Id", "")] = (kind, target.lstrip("/"))
    return related


def _relation_of(attributes: Mapping[str, str]) -> str:
    return next((value for name, value in attributes.items() if " " in name and local(name) == "id"), "")


def _table_in(archive: Archive, contents: _Contents, book: Book) -> str:
    """The sheet with the bills: the only one with content, or the only one that begins like a bill table."""
    if len(contents.sheets) == 1:
        return contents.sheets[0]
    begins: dict[int, str] = {}
    for number, name in enumerate(contents.sheets, 1):
        rows = islice(Sheet(book).rows(archive.pieces(name)), _MOST_ROWS_TO_HEADER)
        firsts = [normalised(values[0]) for _, values in rows]
        if firsts:
            begins[number] = COLUMNS[0] if COLUMNS[0] in firsts else firsts[0]
    if not begins:
        raise EmptyFile
    likely = [number for number, first in begins.items() if first == COLUMNS[0] or len(begins) == 1]
    if len(likely) != 1:
        raise SeveralSheets(sheets=likely or list(begins))
    return contents.sheets[likely[0] - 1]
