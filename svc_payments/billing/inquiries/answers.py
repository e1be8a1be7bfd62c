"""Applies a provider's answer in one transaction with the account's bills locked, or not at all.

The bills it returns are ingested like rows of a bill file. A bill that it no longer returns is voided, as long as
nothing is paid of it, and due again when it is returned again. Bills that the provider sent itself are changed and
voided only by the provider: an answer may name them without changing them.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.billing.bills import changes, merge, staging
from svc_payments.billing.bills.models import Bill, BillKind, BillNumber, BillStatus, ChangeReason
from svc_payments.billing.bills.similar import number_of_same_bill
from svc_payments.billing.bills.staging import staged_columns, staged_line
from svc_payments.billing.bills.validation import CheckedRow
from svc_payments.billing.inquiries.models import InquiredBill
from svc_payments.billing.inquiries.provider import NAMES
from svc_payments.parties.providers.live_query import NotUsable

_STAGED = staged_columns(NAMES)
# A file of this provider may be on its way in, for longer than a resident waits.
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s'"


@dataclass(frozen=True)
class PendingInquiry:
    """What was pending."""

    inquiry_id: UUID
    provider_id: UUID
    account_number: str


async def take(tx: AsyncSession, pending: PendingInquiry, rows: Sequence[CheckedRow]) -> None:
    """Bring the account's bills in line with what its provider named.

    Raises:
        NotUsable: it named a bill that it must not name so. Nothing has been written.
    """
    await tx.execute(text(_LOCK_TIMEOUT))
    await staging.one_at_a_time(tx, pending.provider_id)
    named = {row.bill_number: row for row in rows}
    known = await _lock(tx, pending, named)
    inquired = set(await tx.scalars(select(InquiredBill.bill_id).where(InquiredBill.bill_id.in_(known))))
    for bill in known.values():
        if row := named.get(bill.bill_number):
            _expect_may_name(bill, row, pending, by_inquiry=bill.id in inquired)
    of_inquiries = [bill for bill in known.values() if bill.id in inquired]
    for bill in of_inquiries:
        await _withdraw(tx, bill, named)
    for bill in of_inquiries:
        await _return(tx, bill, named)
    if rows:
        await _take_in(tx, pending, rows)


async def _lock(tx: AsyncSession, pending: PendingInquiry, numbers: Collection[str]) -> Mapping[UUID, Bill]:
    """The bills of these numbers, and those of the account that were named before and wait; locked in one order."""
    of_numbers = select(BillNumber.bill_id).where(
        BillNumber.provider_id == pending.provider_id, BillNumber.bill_number.in_(numbers)
    )
    named_before = (
        select(Bill.id)
        .join(InquiredBill, InquiredBill.bill_id == Bill.id)
        .where(
            Bill.provider_id == pending.provider_id,
            Bill.account_number == pending.account_number,
            Bill.status == BillStatus.DUE,
        )
    )
    ids = (await tx.scalars(of_numbers.union(named_before))).all()
    locked = select(Bill).where(Bill.id.in_(ids)).order_by(Bill.id).with_for_update(of=Bill)
    return {bill.id: bill for bill in await tx.scalars(locked.execution_options(populate_existing=True))}


def _expect_may_name(bill: Bill, row: CheckedRow, pending: PendingInquiry, *, by_inquiry: bool) -> None:
    if bill.account_number != pending.account_number:
        raise NotUsable("bill_number_of_other_account")
    if bill.kind != BillKind.REGULAR:
        raise NotUsable("bill_number_reserved")
    if not by_inquiry and changes.content_of(row) != changes.content_of_bill(bill):
        raise NotUsable("pushed_bill_differs")


async def _withdraw(tx: AsyncSession, bill: Bill, named: Collection[str]) -> None:
    if bill.bill_number not in named and bill.status == BillStatus.DUE and not bill.paid_fen:
        await changes.void_unnamed(tx, bill)


async def _return(tx: AsyncSession, bill: Bill, named: Mapping[str, CheckedRow]) -> None:
    row = named.get(bill.bill_number)
    if row is None or bill.status != BillStatus.VOID or bill.reason != ChangeReason.NOT_NAMED:
        return
    # While it was left out, the same bill may have come under a similar number.
    if not await number_of_same_bill(tx, bill, changes.content_of(row)):
        await changes.restore_named(tx, bill)


async def _take_in(tx: AsyncSession, pending: PendingInquiry, rows: Sequence[CheckedRow]) -> None:
    await tx.flush()
    await staging.stage(tx, _STAGED, _lines(rows))
    await merge.take_in(tx, pending.provider_id, None, says_expiry=False)
    new = [outcome.bill_id for outcome in await merge.outcomes(tx) if outcome.outcome == "accepted"]
    if new:
        values = [{"bill_id": bill_id, "inquiry_id": pending.inquiry_id} for bill_id in new]
        await tx.execute(insert(InquiredBill), values)


async def _lines(rows: Sequence[CheckedRow]) -> AsyncIterator[bytes]:
    for index, row in enumerate(rows):
        yield staged_line(index, row, row.bill_number, len(_STAGED)).encode()
