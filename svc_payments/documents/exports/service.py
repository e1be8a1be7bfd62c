"""A person's payments as a file: read page by page in short transactions, however slowly it is fetched."""

import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import BinaryIO
from uuid import UUID

import anyio.to_thread
import xlsxwriter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Database
from svc_payments.billing.bills.models import Bill
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.payments.queries import Wanted, payments_of
from svc_payments.collection.receipts.models import Receipt
from svc_payments.documents.receipts.words import Words, name_of
from svc_payments.parties.providers.models import Provider

_AT_ONCE = 500
_CHUNK = 64 * 1024
_IN_MEMORY = 1024 * 1024
# What a spreadsheet takes for the beginning of a formula, in either width.
_BEGINS_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
COLUMNS = (
    "paid_at",
    "receipt_number",
    "provider",
    "kind",
    "account_number",
    "bill_number",
    "period",
    "amount",
    "late_fee",
    "refunded",
    "kept",
    "channel",
    "status",
    "transaction_id",
    "payment_number",
)

Cell = str | Decimal | datetime | None


@dataclass(frozen=True)
class Export:
    """Whose payments, which of them, and in which words."""

    database: Database
    person_id: UUID
    wanted: Wanted
    words: Words

    async def rows(self) -> AsyncIterator[list[list[Cell]]]:
        """Some rows at a time, newest first; one for each payment."""
        query, last = payments_of(self.person_id, self.wanted).order_by(Payment.id.desc()).limit(_AT_ONCE), None
        while True:
            async with self.database.read() as tx:
                found = (await tx.scalars(query if last is None else query.where(Payment.id < last))).all()
                shown = await _shown(tx, found, self.words)
            if shown:
                yield shown
            if len(found) < _AT_ONCE:
                return
            last = found[-1].id


async def as_csv(export: Export) -> AsyncIterator[bytes]:
    """UTF-8 with a byte order mark, without which Excel takes it for GB18030."""
    yield "\ufeff".encode() + _lines([[export.words[column] for column in COLUMNS]])
    async for rows in export.rows():
        yield _lines([[_in_csv(cell) for cell in row] for row in rows])


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _in_csv(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case datetime():
            return f"{cell:%Y-%m-%d %H:%M:%S}"
        case Decimal():
            return f"{cell:.2f}"
        case _:
            # A provider's name or number must not become a formula of whoever opens the file.
            return f"'{cell}" if cell.startswith(_BEGINS_FORMULA) else cell


async def as_xlsx(export: Export) -> Iterator[bytes]:
    """A workbook, written to a file as the payments come and given out from there."""
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed when it has been given out
    try:
        await _write(export, file)  # type: ignore[arg-type]  # it is a BinaryIO in all but its declared class
    except BaseException:
        file.close()
        raise
    return _given_out(file)  # type: ignore[arg-type]  # as above


async def _write(export: Export, file: BinaryIO) -> None:
    # Text is written as text: nothing in it is a formula or a link, whatever it begins with.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(file, {**options, "default_date_format": "yyyy-mm-dd hh:mm:ss"})
    sheet = book.add_worksheet(export.words["payments"])
    if export.words["direction"] == "rtl":
        sheet.right_to_left()
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(COLUMNS) - 1, 18)
    sheet.write_row(0, 0, [export.words[column] for column in COLUMNS], book.add_format({"bold": True}))
    yuan = book.add_format({"num_format": "#,##0.00"})

    def write(first: int, rows: list[list[Cell]]) -> None:
        for number, row in enumerate(rows, first):
            for column, cell in enumerate(row):
                sheet.write(number, column, cell, *([yuan] if isinstance(cell, Decimal) else []))

    written = 1
    async for rows in export.rows():
        await anyio.to_thread.run_sync(write, written, rows)
        written += len(rows)
    await anyio.to_thread.run_sync(book.close)


def _given_out(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


async def _shown(tx: AsyncSession, payments: Sequence[Payment], words: Words) -> list[list[Cell]]:
    ids = [payment.id for payment in payments]
    provider_ids = {payment.provider_id for payment in payments}
    providers = {
        provider.provider_id: provider
        for provider in await tx.scalars(select(Provider).where(Provider.provider_id.in_(provider_ids)))
    }
    numbers = {
        receipt.payment_id: receipt.number
        for receipt in await tx.scalars(select(Receipt).where(Receipt.payment_id.in_(ids)))
    }
    bill_ids = [bill_id for payment in payments for bill_id in payment.bill_ids]
    bills = {bill.id: bill for bill in await tx.scalars(select(Bill).where(Bill.id.in_(bill_ids)))}
    return [
        _row(payment, providers.get(payment.provider_id), numbers.get(payment.id), bills, words) for payment in payments
    ]


def _row(
    payment: Payment, provider: Provider | None, number: str | None, bills: dict[UUID, Bill], words: Words
) -> list[Cell]:
    attempt = payment.attempt
    paid_at = attempt.paid_at.astimezone(CHINA).replace(tzinfo=None) if attempt and attempt.paid_at else None
    paid = [bills[bill_id] for bill_id in payment.bill_ids]
    late_fee = sum(line.late_fee_fen for line in payment.lines)
    captured = payment.captured_at is not None
    return [
        paid_at,
        number,
        provider.name if provider else None,
        words[name_of("kind", provider.kind if provider else "")],
        _joined(bill.account_number for bill in paid),
        _joined(bill.bill_number for bill in paid),
        _joined(f"{bill.period:%Y-%m}" for bill in paid),
        _yuan(payment.amount_fen),
        _yuan(late_fee) if late_fee else None,
        _yuan(payment.refunded_fen) if payment.refunded_fen else None,
        _yuan(payment.amount_fen - payment.refunded_fen if captured else 0),
        words[name_of("channel", payment.channel)],
        words[name_of("payment", payment.status)],
        attempt.transaction_id if attempt else None,
        str(payment.id),
    ]


def _joined(values: Iterator[str]) -> str:
    return " ".join(sorted(set(values)))


def _yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2)
