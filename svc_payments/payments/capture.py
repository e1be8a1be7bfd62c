"""Taking the money: what a channel says it has is checked, and captured in one transaction."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit
from svc_payments.base import database_time
from svc_payments.bills import service as bills
from svc_payments.bills.models import Bill, BillStatus
from svc_payments.channels.provider import Paid
from svc_payments.incidents import service as incidents
from svc_payments.incidents.models import IncidentKind
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import TransferKind
from svc_payments.payments.events import PaymentCaptured, told
from svc_payments.payments.models import GIVEN_UP, Attempt, Payment, PaymentLine, PaymentStatus
from svc_payments.postings import service as postings
from svc_payments.receipts import service as receipts
from svc_payments.refunds import reversals

CURRENCY = "CNY"


async def take_money(
    tx: AsyncSession, payment: Payment, paid: Paid, merchant_id: str, *, subject: object
) -> IncidentKind | None:
    """The channel has the money of a locked payment: capture it, once, or record why this cannot be right.

    Everything the capture means happens in this one transaction: ledger, bills, receipt, posting, event. Money that
    comes a second time, or too late for its bills, is taken into the books as well, and begins to go back.

    Returns:
        What does not agree, which is recorded under `subject`; None when the money is in the books, now or before.
    """
    assert payment.attempt is not None  # noqa: S101 - it was found by its order or is at the channel
    if fault := await _disagreement(tx, payment, payment.attempt, paid, merchant_id):
        await incidents.record(
            tx,
            fault,
            subject,
            payment_id=str(payment.id),
            amount_fen=paid.amount_fen,
            currency=paid.currency,
            transaction_id=paid.transaction_id,
        )
        return fault
    if payment.attempt.transaction_id is not None:
        if payment.attempt.transaction_id != paid.transaction_id:
            await reversals.return_second_transaction(tx, payment, paid)
        return None
    late = payment.status in GIVEN_UP
    payment.held = late and not await _reserve_again(tx, payment)
    payment.attempt.transaction_id = paid.transaction_id
    payment.attempt.paid_at = paid.paid_at
    payment.attempt.ask_at = None
    payment.captured_at = await database_time(tx)
    payment.move_to(PaymentStatus.CAPTURED)
    await emit(tx, told(PaymentCaptured, payment))
    if payment.held:
        await _hold(tx, payment)
    else:
        await _clear(tx, payment)
    return None


async def _disagreement(
    tx: AsyncSession, payment: Payment, attempt: Attempt, paid: Paid, merchant_id: str
) -> IncidentKind | None:
    if paid.merchant_id != merchant_id:
        return IncidentKind.OTHER_MERCHANT
    if paid.currency != CURRENCY:
        return IncidentKind.OTHER_CURRENCY
    if paid.amount_fen != payment.amount_fen and attempt.transaction_id in {None, paid.transaction_id}:
        return IncidentKind.OTHER_AMOUNT
    if attempt.transaction_id == paid.transaction_id:
        return None
    used = select(Attempt.id).where(Attempt.channel == attempt.channel, Attempt.transaction_id == paid.transaction_id)
    return IncidentKind.TRANSACTION_REUSED if await tx.scalar(used) else None


async def _reserve_again(tx: AsyncSession, payment: Payment) -> bool:
    """Take back the bills of a payment that was given up, if all are due as they were."""
    query = select(Bill).where(Bill.id.in_(payment.bill_ids)).order_by(Bill.id).with_for_update(of=Bill)
    found = (await tx.scalars(query.execution_options(populate_existing=True))).all()
    due = {bill.id: bill.outstanding_fen for bill in found if bill.status == BillStatus.DUE}
    if not all(_still_fits(line, due.get(line.bill_id, 0)) for line in payment.lines):
        return False
    for line in payment.lines:
        line.released_at = None
    await bills.mark_paying(tx, payment.bill_ids)
    return True


def _still_fits(line: PaymentLine, outstanding_fen: int) -> bool:
    pays_fen = line.amount_fen - line.late_fee_fen
    return pays_fen <= outstanding_fen if line.partial else pays_fen == outstanding_fen


async def _clear(tx: AsyncSession, payment: Payment) -> None:
    """The bills are paid; the money is the payer's until the provider has booked it."""
    unfinished = await bills.mark_paid(tx, payment.parts)
    for line in payment.lines:
        if line.bill_id in unfinished:
            line.released_at = payment.captured_at
    receipt = await receipts.issue(tx, payment)
    await ledger.transfer(
        tx,
        TransferKind.PAYMENT_CAPTURED,
        payment.id,
        debit=ledger.channel_receivable(payment.channel),
        credit=ledger.person_clearing(payment.person_id),
        amount_fen=payment.amount_fen,
    )
    await postings.enqueue(tx, payment, receipt.number)


async def _hold(tx: AsyncSession, payment: Payment) -> None:
    """The bills went another way meanwhile. The money is kept apart, and goes back."""
    await incidents.record(tx, IncidentKind.MONEY_HELD, payment.id, amount_fen=payment.amount_fen)
    await ledger.transfer(
        tx,
        TransferKind.PAYMENT_HELD,
        payment.id,
        debit=ledger.channel_receivable(payment.channel),
        credit=ledger.suspense(payment.channel),
        amount_fen=payment.amount_fen,
    )
    await reversals.return_held(tx, payment)
