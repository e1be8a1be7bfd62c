"""The refused rows of a file as a file of the same kind."""

import asyncio
import codecs
import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from tempfile import TemporaryFile
from typing import BinaryIO

import xlsxwriter
from sqlalchemy import select

from chassis.db import Database
from svc_payments.billing.bills.reasons import Reason, message_of
from svc_payments.billing.files.models import BillFile, Encoding, RefusedRow
from svc_payments.billing.files.reception import MEDIA_TYPE
from svc_payments.billing.files.workbooks.reader import MEDIA_TYPE as WORKBOOK

_COLUMNS = ("row", "bill_number", "reason", "message")
_WIDTHS = (8, 34, 26, 60)
_AT_ONCE = 1_000
_PIECE = 64 * 1024

Download = Callable[[Database, BillFile, str], AsyncIterator[bytes]]


def wanted(accept: str, file: BillFile) -> tuple[str, Download] | None:
    """The media type and the writer of what a client accepts: where it is both, of the kind that the file is."""
    charset = Encoding.GB18030 if file.encoding == Encoding.GB18030 else Encoding.UTF_8
    possible: list[tuple[str, str, Download]] = [
        (MEDIA_TYPE, f"{MEDIA_TYPE}; charset={charset}", as_csv),
        (WORKBOOK, WORKBOOK, as_workbook),
    ]
    if file.encoding == Encoding.XLSX:
        possible.reverse()
    return next(((sent, write) for name, sent, write in possible if name in accept), None)


async def as_csv(database: Database, file: BillFile, language: str) -> AsyncIterator[bytes]:
    """All refused rows of a file as CSV in the encoding the file came in."""
    codec = "gb18030" if file.encoding == Encoding.GB18030 else "utf-8"
    if file.encoding == Encoding.UTF_8_SIG:
        yield codecs.BOM_UTF8
    yield _csv_of([_COLUMNS]).encode(codec)
    async for rows in _refused(database, file, language):
        yield _csv_of([row, _harmless(number), *words] for row, number, *words in rows).encode(codec)


async def as_workbook(database: Database, file: BillFile, language: str) -> AsyncIterator[bytes]:
    """All refused rows of a file as a spreadsheet; the numbers of the rows are those that the sent one shows."""
    with TemporaryFile() as content:
        book = _Book(content)
        async for rows in _refused(database, file, language):
            await asyncio.to_thread(book.write, rows)
        await asyncio.to_thread(book.close)
        content.seek(0)
        while piece := content.read(_PIECE):
            yield piece


class _Book:
    """A workbook written row by row, which keeps none of them in memory."""

    def __init__(self, content: BinaryIO) -> None:
        # Text is written as text: nothing in it is a formula or a link, whatever it begins with.
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(content, options)
        self._sheet = self._book.add_worksheet("refused rows")
        self._sheet.freeze_panes(1, 0)
        for column, width in enumerate(_WIDTHS):
            self._sheet.set_column(column, column, width)
        self._written = 0
        self.write([_COLUMNS])

    def write(self, rows: Iterable[Sequence[object]]) -> None:
        for row in rows:
            self._sheet.write_row(self._written, 0, row)
            self._written += 1

    def close(self) -> None:
        self._book.close()


async def _refused(database: Database, file: BillFile, language: str) -> AsyncIterator[list[tuple[int, str, str, str]]]:
    query = select(RefusedRow).where(RefusedRow.bill_file_id == file.id).order_by(RefusedRow.row)
    # A transaction of its own: the request's ends before the first byte of the answer leaves.
    async with database.read() as tx:
        found = await tx.stream_scalars(query.execution_options(yield_per=_AT_ONCE))
        async for part in found.partitions():
            yield [(row.row, row.bill_number, row.reason, message_of(Reason(row.reason), language)) for row in part]


def _csv_of(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _harmless(value: str) -> str:
    """The value as a spreadsheet program shows it rather than runs it as a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@")) else value
