"""Fees of applications: billed when they are quoted, and returned where their application goes on without them."""

from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.problems import Problem
from chassis.telemetry import log
from kit.calendar import database_time, today_of
from svc_payments.billing.application_fees import standing
from svc_payments.billing.application_fees.models import ApplicationFee
from svc_payments.billing.bills.account_bills import Made, make
from svc_payments.billing.bills.models import Bill, BillKind, BillStatus
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.models import AT_CHANNEL, PaymentLine, PaymentStatus
from svc_payments.collection.postings.models import PostingStatus
from svc_payments.collection.refunds import automatic_refunds, policy


async def charge(tx: AsyncSession, fee_id: UUID, payable_until: date | None) -> None:
    """Bill a new fee to its applicant."""
    fee = await tx.get_one(ApplicationFee, fee_id)
    made = Made(
        BillKind.APPLICATION_FEE,
        fee.provider_id,
        str(fee.application_id),
        fee.amount_fen,
        await today_of(tx),
        bill_id=fee.id,
        payable_until=payable_until,
    )
    await make(tx, made)
    fee.bill_id = fee.id


async def withdraw(tx: AsyncSession, fee_id: UUID) -> None:
    """Ask a fee no longer. Its unpaid bill is void at once; what is paid of it goes back by itself."""
    bill = await _locked_bill(tx, fee_id)
    fee = await tx.get_one(ApplicationFee, fee_id, with_for_update=True, populate_existing=True)
    if fee.withdrawn_at is not None:
        return
    fee.withdrawn_at = await database_time(tx)
    await _close_if_unpaid(tx, bill, fee)


async def return_due(database: Database) -> None:
    """Take the next step of each withdrawn fee whose money has not gone back."""
    async with database.read() as tx:
        returning = (ApplicationFee.withdrawn_at.is_not(None), ApplicationFee.settled_at.is_(None))
        waiting = select(ApplicationFee.id).where(*returning)
        fee_ids = (await tx.scalars(waiting.order_by(ApplicationFee.id))).all()
    for fee_id in fee_ids:
        try:
            async with database.transaction() as tx:
                await _return(tx, fee_id)
        except Problem as refusal:  # such as another refund under way; the others go on
            log.warning("fee_not_returned_yet", fee_id=str(fee_id), code=refusal.code)


async def _return(tx: AsyncSession, fee_id: UUID) -> None:
    # The payment of an open line is locked before the bill, as everywhere, and may be another one by then.
    holding = select(PaymentLine.payment_id).where(PaymentLine.bill_id == fee_id, PaymentLine.released_at.is_(None))
    payment_id = await tx.scalar(holding)
    if payment_id is None:
        bill = await _locked_bill(tx, fee_id)
        await _close_if_unpaid(tx, bill, await tx.get_one(ApplicationFee, fee_id, with_for_update=True))
        return
    posted = await policy.lock_postings(tx, payment_id)
    payment = await payments.lock(tx, payment_id)
    if payment.status == PaymentStatus.CREATED:
        await payments.give_up(tx, payment, PaymentStatus.EXPIRED)
    posting = posted.get(fee_id)
    # Until the channel and the provider have answered, nobody can say what goes back.
    if payment.status in AT_CHANNEL or posting is None or posting.status != PostingStatus.BOOKED:
        return
    await automatic_refunds.return_fee(tx, payment, posting)
    await _locked_bill(tx, fee_id)
    fee = await tx.get_one(ApplicationFee, fee_id, with_for_update=True, populate_existing=True)
    fee.settled_at = await database_time(tx)


async def _close_if_unpaid(tx: AsyncSession, bill: Bill | None, fee: ApplicationFee) -> None:
    if bill is None or bill.status in {BillStatus.VOID, BillStatus.EXPIRED}:
        fee.settled_at = await database_time(tx)
    elif bill.status == BillStatus.DUE:
        await standing.void(tx, bill, fee)


async def _locked_bill(tx: AsyncSession, bill_id: UUID) -> Bill | None:
    query = select(Bill).where(Bill.id == bill_id).with_for_update(of=Bill)
    found: Bill | None = await tx.scalar(query.execution_options(populate_existing=True))
    return found
