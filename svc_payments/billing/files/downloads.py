"""The refused rows of a file as a file of the same kind."""

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from sqlalchemy import select

from chassis.db import Database
from kit.tables import Sheet, csv_file, xlsx_file
from svc_payments.billing.bills.reasons import Reason, message_of
from svc_payments.billing.files.models import BillFile, Encoding, RefusedRow
from svc_payments.billing.files.reception import MEDIA_TYPE
from svc_payments.billing.files.workbooks.reader import MEDIA_TYPE as WORKBOOK
from svc_payments.parties.providers.account_numbers import parameters_of

CSV_ENDING, WORKBOOK_ENDING = ".csv", ".xlsx"
_COLUMNS = ("row", "bill_number", "reason", "message")
_WIDTHS = (8, 34, 26, 60)
_AT_ONCE = 1_000

_NOT_AT_ALL = {"q=0", "q=0.0", "q=0.00", "q=0.000"}

Write = Callable[[Database, BillFile, str], AsyncIterator[bytes]]


class Download(NamedTuple):
    media_type: str
    ending: str
    write: Write

    def name(self, file: BillFile) -> str:
        """Ends as programs tell its kind by, whatever the file was called."""
        stem, dot, ending = file.file_name.rpartition(".")
        known = dot and f".{ending.lower()}" in (CSV_ENDING, WORKBOOK_ENDING)
        return f"refused-rows-of-{stem if known else file.file_name}{self.ending}"


def wanted(accept: str, file: BillFile) -> Download | None:
    """What a client accepts: where it is both, that of the kind that the file is."""
    charset = Encoding.GB18030 if file.encoding == Encoding.GB18030 else Encoding.UTF_8
    possible = [
        (MEDIA_TYPE, Download(f"{MEDIA_TYPE}; charset={charset}", CSV_ENDING, as_csv)),
        (WORKBOOK, Download(WORKBOOK, WORKBOOK_ENDING, as_workbook)),
    ]
    if file.encoding == Encoding.XLSX:
        possible.reverse()
    ranges = [[part.strip() for part in each.split(";")] for each in accept.lower().split(",")]
    accepted = {each[0] for each in ranges if not _NOT_AT_ALL & set(each)}
    return next((download for name, download in possible if name in accepted), None)


def as_csv(database: Database, file: BillFile, language: str) -> AsyncIterator[bytes]:
    """All refused rows of a file as CSV in the encoding the file came in."""
    encoding = Encoding.UTF_8 if file.encoding == Encoding.XLSX else file.encoding
    return csv_file(_COLUMNS, _refused(database, file, language), encoding)


async def as_workbook(database: Database, file: BillFile, language: str) -> AsyncIterator[bytes]:
    """All refused rows of a file as a spreadsheet; the numbers of the rows are those that the sent one shows."""
    sheet = Sheet("refused rows", _refused(database, file, language), widths=_WIDTHS, header=_COLUMNS)
    for chunk in await xlsx_file(sheet):
        yield chunk


async def _refused(database: Database, file: BillFile, language: str) -> AsyncIterator[list[tuple[int, str, str, str]]]:
    query = select(RefusedRow).where(RefusedRow.bill_file_id == file.id).order_by(RefusedRow.row)
    # A separate transaction: the request's own ends before the first byte of the answer is sent.
    async with database.read() as tx:
        numbers = await parameters_of(tx, file.provider_id)
        found = await tx.stream_scalars(query.execution_options(yield_per=_AT_ONCE))
        async for part in found.partitions():
            yield [
                (
                    row.row,
                    row.bill_number,
                    row.reason,
                    message_of(Reason(row.reason), language, numbers, row.other_number),
                )
                for row in part
            ]
