"""The refused rows of a file as a file of the same kind."""

from collections.abc import AsyncIterator, Callable

from sqlalchemy import select

from chassis.db import Database
from kit.tables import Sheet, csv_file, xlsx_file
from svc_payments.billing.bills.reasons import Reason, message_of
from svc_payments.billing.files.models import BillFile, Encoding, RefusedRow
from svc_payments.billing.files.reception import MEDIA_TYPE
from svc_payments.billing.files.workbooks.reader import MEDIA_TYPE as WORKBOOK
from svc_payments.parties.providers.account_numbers import parameters_of

_COLUMNS = ("row", "bill_number", "reason", "message")
_WIDTHS = (8, 34, 26, 60)
_AT_ONCE = 1_000

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
