"""A person's payments as a file: read page by page in short transactions, however slowly it is fetched."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Database
from kit.csv_text import Cell
from kit.tables import Sheet, csv_file, xlsx_file
from kit.words import Words
from svc_payments.amounts import in_yuan
from svc_payments.billing.bills.models import Bill
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.payments.queries import Wanted, payments_of
from svc_payments.collection.receipts.models import Receipt
from svc_payments.documents.receipts.words import name_of
from svc_payments.parties.providers.models import Provider

_AT_ONCE = 500
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


@dataclass(frozen=True)
class Export:
    """The payer, the filters and the language."""

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


def as_csv(export: Export) -> AsyncIterator[bytes]:
    """UTF-8 with a byte order mark."""
    return csv_file(_header(export.words), export.rows())


async def as_xlsx(export: Export) -> Iterator[bytes]:
    """A workbook of one sheet, in the direction of its words."""
    words = export.words
    sheet = Sheet(
        words["payments"],
        export.rows(),
        widths=(18,) * len(COLUMNS),
        header=_header(words),
        right_to_left=words["direction"] == "rtl",
    )
    return await xlsx_file(sheet)


def _header(words: Words) -> list[str]:
    return [words[column] for column in COLUMNS]


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
        in_yuan(payment.amount_fen),
        in_yuan(late_fee) if late_fee else None,
        in_yuan(payment.refunded_fen) if payment.refunded_fen else None,
        in_yuan(payment.amount_fen - payment.refunded_fen if captured else 0),
        words[name_of("channel", payment.channel)],
        words[name_of("payment", payment.status)],
        attempt.transaction_id if attempt else None,
        str(payment.id),
    ]


def _joined(values: Iterator[str]) -> str:
    return " ".join(sorted(set(values)))
