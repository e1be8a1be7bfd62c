"""What other slices ask of bills, each within the caller's transaction."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound, Problem
from svc_payments.accounts.models import AccountBinding
from svc_payments.bills.models import Bill, BillStatus


class BillAlreadyPaid(Problem):
    status, code = 409, "bill_already_paid"


class PaymentInProgress(Problem):
    status, code = 409, "payment_in_progress"


async def lock_payable(tx: AsyncSession, person_id: UUID, bill_ids: Collection[UUID]) -> Sequence[Bill]:
    """Lock these bills for paying; they come back in the order of their ids, each once.

    Raises:
        NotFound: one of them does not exist or is not on an account this person is bound to.
        BillAlreadyPaid, PaymentInProgress: one of them is not due.
    """
    bound = exists().where(
        AccountBinding.person_id == person_id,
        AccountBinding.provider_id == Bill.provider_id,
        AccountBinding.account_number == Bill.account_number,
        AccountBinding.ended_at.is_(None),
    )
    bills = await _locked(tx, bill_ids, bound)
    for bill in bills:
        if bill.status == BillStatus.PAYING:
            raise PaymentInProgress(bill_id=str(bill.id))
        if bill.status != BillStatus.DUE:
            raise BillAlreadyPaid(bill_id=str(bill.id))
    return bills


async def mark_paying(tx: AsyncSession, bill_ids: Collection[UUID]) -> None:
    """A payment of these due bills has begun."""
    await _move(tx, bill_ids, BillStatus.PAYING)


async def release(tx: AsyncSession, bill_ids: Collection[UUID]) -> None:
    """The payment of these bills came to nothing: they are due again."""
    await _move(tx, bill_ids, BillStatus.DUE)


async def mark_paid(tx: AsyncSession, bill_ids: Collection[UUID]) -> None:
    """The money for these bills is here."""
    await _move(tx, bill_ids, BillStatus.PAID)


async def mark_posted(tx: AsyncSession, bill_ids: Collection[UUID]) -> None:
    """The provider has booked these paid bills."""
    await _move(tx, bill_ids, BillStatus.POSTED)


async def _move(tx: AsyncSession, bill_ids: Collection[UUID], status: BillStatus) -> None:
    for bill in await _locked(tx, bill_ids):
        bill.move_to(status)


async def _locked(tx: AsyncSession, bill_ids: Collection[UUID], *conditions: ColumnElement[bool]) -> Sequence[Bill]:
    # Always in the order of ids, so that two transactions with bills in common cannot deadlock.
    wanted = select(Bill).where(Bill.id.in_(bill_ids), *conditions).order_by(Bill.id).with_for_update(of=Bill)
    bills = (await tx.scalars(wanted.execution_options(populate_existing=True))).all()
    if len(bills) != len(set(bill_ids)):
        raise NotFound
    return bills
