"""Bills for residents and providers, and their state changes for other rooms' transactions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.auth import Caller
from chassis.pagination import Page, PageRequest, cursor_after, page_of
from chassis.problems import NotFound, Problem
from kit.calendar import today, today_of
from svc_payments.billing.application_fees import standing
from svc_payments.billing.bills import schemas
from svc_payments.billing.bills.accruals import accrued_late_fee
from svc_payments.billing.bills.meters import consumption
from svc_payments.billing.bills.models import OWED, WITHDRAWN, Bill, BillNumber, BillStatus, Part
from svc_payments.billing.bills.queries import bills_numbered, bills_of_person, visible_to
from svc_payments.billing.terms import service as payment_terms

_MOST_LOOKED_AT = 200
_LOOKED_THROUGH = 5_000


class BillAlreadyPaid(Problem):
    status, code = 409, "bill_already_paid"


class PaymentInProgress(Problem):
    status, code = 409, "payment_in_progress"


class BillNotPayable(Problem):
    """Void, expired or superseded."""

    status, code = 409, "bill_not_payable"


@dataclass(frozen=True)
class Wanted:
    """Filters of a list of bills."""

    status: schemas.PayingStatus | None
    account_number: str | None
    bill_number: str | None
    withdrawn: bool = False
    """Withdrawn bills instead of due and paid ones."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """As conditions on bills."""
        pairs = (
            (Bill.status, self.status),
            (Bill.account_number, self.account_number),
            (Bill.bill_number, self.bill_number),
        )
        in_force = Bill.status.in_(WITHDRAWN) if self.withdrawn else Bill.status.not_in(WITHDRAWN)
        return [in_force, *(column == value for column, value in pairs if value is not None)]


async def list_bills(tx: AsyncSession, caller: Caller, wanted: Wanted, page: PageRequest) -> Page[schemas.Bill]:
    if caller.kind != "client":
        visible = bills_of_person(caller.id, wanted.conditions())
        return await _show_page(tx, await page_of(tx, select(visible), page, visible.id, _itself, newest_first=True))
    return await _show_page(tx, await _own_bills(tx, caller.id, wanted, page))


async def _own_bills(tx: AsyncSession, provider_id: UUID, wanted: Wanted, page: PageRequest) -> Page[Any]:
    """A provider's bills by number, because there is an index for that, and a provider knows its numbers.

    Those that are wanted may be few among millions: a page looks through so many numbers, and has what it found there.
    """
    if wanted.account_number:
        on_account = select(Bill).where(Bill.provider_id == provider_id, *wanted.conditions())
        return await page_of(tx, on_account, page, Bill.bill_number, _itself)
    numbers = select(BillNumber).where(BillNumber.provider_id == provider_id).order_by(BillNumber.bill_number)
    if page.after is not None:
        numbers = numbers.where(BillNumber.bill_number > page.after)
    if wanted.bill_number is not None:
        numbers = numbers.where(BillNumber.bill_number == wanted.bill_number)
    stretch = aliased(BillNumber, numbers.limit(_LOOKED_THROUGH).subquery())
    found = bills_numbered(stretch, wanted.conditions())
    shown = await page_of(tx, found, page, stretch.bill_number, _itself)
    last = await tx.scalar(numbers.with_only_columns(BillNumber.bill_number).offset(_LOOKED_THROUGH - 1).limit(1))
    if shown.next_cursor is None and last is not None:
        return Page(items=shown.items, next_cursor=cursor_after(last))
    return shown


async def to_pay_on(tx: AsyncSession, provider_id: UUID, account_number: str) -> list[schemas.Bill]:
    """The bills to pay on an account, oldest first; the caller has checked that they may be seen."""
    open_bills = select(Bill).where(
        Bill.provider_id == provider_id,
        Bill.account_number == account_number,
        Bill.status.in_({BillStatus.DUE, BillStatus.PAYING}),
        # Advances and top-ups are not owed.
        Bill.kind.in_(OWED),
    )
    oldest_first = open_bills.order_by(Bill.due_date, Bill.id).limit(_MOST_LOOKED_AT)
    return await show_bills(tx, (await tx.scalars(oldest_first)).all())


async def visible_bill(tx: AsyncSession, caller: Caller, bill_id: UUID) -> Bill:
    """A bill that this resident or this provider may see.

    Raises:
        NotFound: there is none.
    """
    visible = visible_to(caller.id) if caller.kind != "client" else Bill.provider_id == caller.id
    bill = await tx.scalar(select(Bill).where(Bill.id == bill_id, visible))
    if bill is None:
        raise NotFound
    return bill


async def show_bills(tx: AsyncSession, bills: Sequence[Bill]) -> list[schemas.Bill]:
    """Bills with the late fees that they bear today."""
    if not bills:
        return []
    day = await today_of(tx)
    agreed = await payment_terms.histories(tx, {bill.provider_id for bill in bills})
    return [_shown(bill, accrued_late_fee(bill, agreed[bill.provider_id], day)) for bill in bills]


async def _show_page(tx: AsyncSession, page: Page[Any]) -> Page[schemas.Bill]:
    return Page(items=await show_bills(tx, page.items), next_cursor=page.next_cursor)


def _itself(bill: Bill) -> Bill:
    return bill


def _shown(bill: Bill, accrued_fen: int) -> schemas.Bill:
    withdrawn = bill.status in WITHDRAWN
    return schemas.Bill(
        bill_id=bill.id,
        provider_id=bill.provider_id,
        bill_number=bill.bill_number,
        account_number=bill.account_number,
        period=f"{bill.period:%Y-%m}",
        usage=bill.usage,
        amount_fen=bill.amount_fen,
        due_date=bill.due_date,
        meter_from=bill.meter_from,
        meter_to=bill.meter_to,
        meter_digits=bill.meter_digits,
        metered_usage=consumption(bill.meter_from, bill.meter_to, bill.meter_digits),
        kind=bill.kind,
        late_fee_fen=bill.late_fee_fen + accrued_fen,
        paid_fen=bill.paid_fen,
        outstanding_fen=0 if withdrawn else bill.outstanding_fen + accrued_fen,
        status="due" if withdrawn else bill.status,
        withdrawn=bill.status if withdrawn else None,
        expires_on=bill.expires_on,
        supersedes=bill.supersedes,
        superseded_by=bill.superseded_by,
        customer_class=bill.customer_class,
        unit=bill.unit,
        tariff_id=bill.tariff_id,
        usage_details=bill.usage_details,
        version=bill.version,
        reason=bill.reason,
        note=bill.note,
        created_at=bill.created_at,
    )


async def lock_payable(tx: AsyncSession, person_id: UUID, bill_ids: Collection[UUID]) -> Sequence[Bill]:
    """Lock these bills for paying; they come back in the order of their ids, each once.

    Raises:
        NotFound: one of them does not exist or is not on an account this person is bound to.
        BillAlreadyPaid, PaymentInProgress, BillNotPayable: one of them is not due.
    """
    return _payable(await _locked(tx, bill_ids, visible_to(person_id)))


async def lock_payable_on(
    tx: AsyncSession, provider_id: UUID, account_number: str, bill_ids: Collection[UUID]
) -> Sequence[Bill]:
    """Lock bills of one account for a payment at a counter, where the payer need not be bound to it.

    Raises:
        NotFound: one of them does not exist or is not on this account.
        BillAlreadyPaid, PaymentInProgress, BillNotPayable: one of them is not due.
    """
    # For the fee of an application, the application stands for the account.
    on_account = (Bill.provider_id == provider_id, Bill.account_number == account_number, Bill.kind.in_(OWED))
    return _payable(await _locked(tx, bill_ids, *on_account))


async def payable(tx: AsyncSession, person_id: UUID, bill_ids: Collection[UUID]) -> Sequence[Bill]:
    """The same bills as `lock_payable`, without the lock."""
    wanted = select(Bill).where(Bill.id.in_(bill_ids), visible_to(person_id)).order_by(Bill.id)
    bills = (await tx.scalars(wanted)).all()
    if len(bills) != len(set(bill_ids)):
        raise NotFound
    return _payable(bills)


def _payable(bills: Sequence[Bill]) -> Sequence[Bill]:
    for bill in bills:
        if bill.status == BillStatus.PAYING:
            raise PaymentInProgress(bill_id=str(bill.id))
        if bill.status in {BillStatus.PAID, BillStatus.POSTED}:
            raise BillAlreadyPaid(bill_id=str(bill.id))
        expired = bill.expires_on is not None and bill.expires_on < today()
        if bill.status != BillStatus.DUE or expired:
            status = BillStatus.EXPIRED if expired else bill.status
            raise BillNotPayable(bill_id=str(bill.id), bill_status=status)
    return bills


async def mark_paying(tx: AsyncSession, bill_ids: Collection[UUID]) -> None:
    """A payment of these due bills has begun."""
    for bill in await _locked(tx, bill_ids):
        bill.move_to(BillStatus.PAYING)
        await standing.reserved(tx, bill)


async def release(tx: AsyncSession, bill_ids: Collection[UUID]) -> None:
    """The payment of these bills failed: they are due again, and bills made for it are voided."""
    for bill in await _locked(tx, bill_ids):
        bill.move_to(BillStatus.DUE if bill.kind in OWED else BillStatus.EXPIRED)
        await standing.released(tx, bill)


async def mark_booked(tx: AsyncSession, bill_id: UUID, amount_fen: int) -> None:
    """The provider has booked a part of a bill; the last part makes the bill posted."""
    (bill,) = await _locked(tx, [bill_id])
    bill.booked_fen += amount_fen
    if bill.status == BillStatus.PAID and not bill.outstanding_fen and bill.booked_fen == bill.paid_fen:
        bill.move_to(BillStatus.POSTED)
        await standing.booked(tx, bill)


async def give_back(tx: AsyncSession, bill_id: UUID, part: Part, *, booked: bool) -> None:
    """Refund a part of a paid bill: that amount is due again.

    Args:
        tx: the transaction.
        bill_id: which bill.
        part: how much, and how much of that was a late fee, which is owed no longer.
        booked: whether the provider had booked it.
    """
    (bill,) = await _locked(tx, [bill_id])
    bill.booked_fen -= part.amount_fen if booked else 0
    bill.paid_fen -= part.amount_fen
    bill.late_fee_fen -= part.late_fee_fen
    if bill.kind in OWED:
        if bill.status in {BillStatus.PAID, BillStatus.POSTED}:
            bill.move_to(BillStatus.DUE)
            await standing.released(tx, bill)
    elif not bill.paid_fen:
        # An advance was not owed, so it is not owed again.
        bill.move_to(BillStatus.VOID)


async def _locked(tx: AsyncSession, bill_ids: Collection[UUID], *conditions: ColumnElement[bool]) -> Sequence[Bill]:
    # Always in the order of ids, so that two transactions with bills in common cannot deadlock.
    wanted = select(Bill).where(Bill.id.in_(bill_ids), *conditions).order_by(Bill.id).with_for_update(of=Bill)
    bills = (await tx.scalars(wanted.execution_options(populate_existing=True))).all()
    if len(bills) != len(set(bill_ids)):
        raise NotFound
    return bills
