"""Tables as files: CSV, and workbooks in the format of .xlsx files. Every file of either kind is written here.

Rows come in blocks, and no block is kept: a large table takes no more memory than a small one.
"""

import codecs
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import anyio.to_thread
import xlsxwriter
from anyio import CancelScope
from fastapi.responses import StreamingResponse

from kit.csv_text import Cell, Rows, csv_text

Blocks = AsyncIterable[Rows]

_YUAN = "#,##0.00"
_TIME = "yyyy-mm-dd hh:mm:ss"
_LARGEST_EXACT = 10**15 - 1
"""Spreadsheet programs keep 15 digits of a number and turn the others into zeros."""
_ROWS_OF_SHEET = 1_048_576
_LONGEST_NAME = 31
_CHUNK = 64 * 1024


class CsvResponse(StreamingResponse):
    media_type = "text/csv; charset=utf-8"


class XlsxResponse(StreamingResponse):
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook."""

    name: str
    blocks: Blocks
    widths: Sequence[float]
    header: Sequence[str] = ()
    labelled: bool = False
    """The first cell of each row is a label."""
    right_to_left: bool = False


async def one_block(rows: Rows) -> AsyncIterator[Rows]:
    """A small table held in memory."""
    yield rows


async def csv_file(header: Sequence[str], blocks: Blocks, encoding: str = "utf-8-sig") -> AsyncIterator[bytes]:
    """A table for spreadsheet programs.

    Args:
        header: the first row.
        blocks: the other rows.
        encoding: of the file. Excel takes UTF-8 without a byte order mark (`utf-8`) for GB18030.
    """
    # An incremental encoder writes the byte order mark once, not in each block.
    encode = codecs.getincrementalencoder(encoding)().encode
    yield encode(csv_text([header]))
    async for rows in blocks:
        yield encode(csv_text(rows))


async def xlsx_file(*sheets: Sheet) -> Iterator[bytes]:
    """A workbook. It is complete before its first byte is sent, so that a failure never leaves half a file."""
    file = TemporaryFile()  # noqa: SIM115 - closed when it has been given out
    try:
        await _write(file, sheets)
    except BaseException:
        file.close()
        raise
    return _chunks(file)


async def _write(file: BinaryIO, sheets: Iterable[Sheet]) -> None:
    # Text is written as text: nothing in it is a formula, a link or a number, whatever it looks like.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(file, {**options, "default_date_format": _TIME})
    try:
        for sheet in sheets:
            page = _Page(book, sheet)
            async for rows in sheet.blocks:
                await anyio.to_thread.run_sync(page.write, rows)
    finally:
        # After a failure, too: closing the book removes the temporary files of its sheets.
        with CancelScope(shield=True):
            await anyio.to_thread.run_sync(book.close)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


class _Page:
    """Writes rows to a sheet, and to further sheets once it is full."""

    def __init__(self, book: Any, sheet: Sheet) -> None:  # noqa: ANN401 - the library has no types
        self._book, self._sheet, self._pages = book, sheet, 0
        self._bold, self._yuan = book.add_format({"bold": True}), book.add_format({"num_format": _YUAN})
        self._begin()

    def _begin(self) -> None:
        self._pages += 1
        suffix = "" if self._pages == 1 else f" ({self._pages})"
        self._page = self._book.add_worksheet(self._sheet.name[: _LONGEST_NAME - len(suffix)] + suffix)
        self._next_row = 0
        if self._sheet.right_to_left:
            self._page.right_to_left()
        for column, width in enumerate(self._sheet.widths):
            self._page.set_column(column, column, width)
        if self._sheet.header:
            self._page.freeze_panes(1, 0)
            self._page.write_row(0, 0, self._sheet.header, self._bold)
            self._next_row = 1

    def write(self, rows: Rows) -> None:
        for row in rows:
            if self._next_row == _ROWS_OF_SHEET:
                self._begin()
            for column, cell in enumerate(row):
                self._write_cell(column, cell)
            self._next_row += 1

    def _write_cell(self, column: int, cell: Cell) -> None:
        match cell:
            case None | "":
                pass
            case Decimal():
                self._page.write_number(self._next_row, column, cell, self._yuan)
            case datetime():
                self._page.write_datetime(self._next_row, column, cell)
            case int() if abs(cell) <= _LARGEST_EXACT:
                self._page.write_number(self._next_row, column, cell)
            case _:
                label = self._bold if self._sheet.labelled and column == 0 else None
                self._page.write_string(self._next_row, column, str(cell), label)
