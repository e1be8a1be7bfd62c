"""Capture: money that a channel reports is checked and booked in one transaction, alone or in a batch."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit_traced
from chassis.telemetry import traceparent
from svc_payments.billing.bills import service as bills
from svc_payments.billing.bills.captures import mark_paid
from svc_payments.billing.bills.models import Bill, BillStatus
from svc_payments.channels.provider import Paid
from svc_payments.collection.payments.channel_transactions import Movement, owners_of
from svc_payments.collection.payments.events import PaymentCaptured, event_of
from svc_payments.collection.payments.models import AT_CHANNEL, GIVEN_UP, Payment, PaymentLine
from svc_payments.collection.payments.open_payments import OpenPayment, mark_captured, opened, release
from svc_payments.collection.payments.service import lock
from svc_payments.collection.postings import service as postings
from svc_payments.collection.receipts import service as receipts
from svc_payments.collection.refunds import automatic_refunds
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import TransferKind
from svc_payments.oversight.incidents import service as incidents
from svc_payments.oversight.incidents.models import IncidentKind

CURRENCY = "CNY"


@dataclass(frozen=True, eq=False)
class CaptureCandidate:
    """Money that a channel reports for a locked payment."""

    payment: OpenPayment
    paid: Paid
    merchant_id: str
    """Who we are at the channel."""
    trace: str | None
    """The traceparent of the message that reported it."""

    @property
    def movement(self) -> Movement:
        """Which movement of money is meant, over all channels."""
        return Movement(self.payment.channel, self.paid.transaction_id)


async def capture(
    tx: AsyncSession, payment: Payment, paid: Paid, merchant_id: str, *, subject: object
) -> IncidentKind | None:
    """Capture the money of a locked payment, once, or record an incident where it does not fit.

    Ledger, bills, receipt, posting and event change in this one transaction. Money that arrives twice, or too late for
    its bills, is booked as well, and its refund begins.

    Returns:
        What does not agree, which is recorded under `subject`; None when the money is in the books, now or before.
    """
    candidate = CaptureCandidate(opened(payment), paid, merchant_id, traceparent())
    if fault := await _disagreement(tx, candidate):
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
    if candidate.payment.transaction_id is not None:
        if candidate.payment.transaction_id != paid.transaction_id:
            await automatic_refunds.return_second_transaction(tx, payment, paid)
        return None
    late = payment.status in GIVEN_UP
    payment.held = candidate.payment.held = late and not await _reserve_again(tx, payment)
    await tx.flush()  # from here on rows are read and written, not their objects
    await _capture(tx, [candidate])
    if not payment.held:
        await _clear(tx, [candidate.payment])
    await lock(tx, payment.id)  # which its object reads again
    if payment.held:
        await _hold(tx, payment)
    return None


async def capture_expected(tx: AsyncSession, candidates: Sequence[CaptureCandidate]) -> Sequence[CaptureCandidate]:
    """Capture all candidates that are as expected; the payments are locked in the order of their ids.

    Returns:
        The captured ones. The others are untouched, and are for `capture`.
    """
    used, expected = set(await owners_of(tx, [candidate.movement for candidate in candidates])), []
    for candidate in candidates:
        waited_for = candidate.payment.status in AT_CHANNEL and candidate.payment.transaction_id is None
        if waited_for and not _contradiction(candidate) and candidate.movement not in used:
            used.add(candidate.movement)
            expected.append(candidate)
    if expected:
        await _capture(tx, expected)
        await _clear(tx, [candidate.payment for candidate in expected])
    return expected


async def _disagreement(tx: AsyncSession, candidate: CaptureCandidate) -> IncidentKind | None:
    if fault := _contradiction(candidate):
        return fault
    if candidate.payment.transaction_id == candidate.paid.transaction_id:
        return None
    owners = await owners_of(tx, [candidate.movement])
    if set(owners.values()) - {candidate.payment.id}:
        return IncidentKind.TRANSACTION_REUSED
    known_fen = await automatic_refunds.second_amount_of(tx, *candidate.movement) if owners else None
    return IncidentKind.OTHER_AMOUNT if known_fen not in {None, candidate.paid.amount_fen} else None


def _contradiction(candidate: CaptureCandidate) -> IncidentKind | None:
    """What differs from our order."""
    paid, known = candidate.paid, candidate.payment.transaction_id
    if paid.merchant_id != candidate.merchant_id:
        return IncidentKind.OTHER_MERCHANT
    if paid.currency != CURRENCY:
        return IncidentKind.OTHER_CURRENCY
    if paid.amount_fen != candidate.payment.amount_fen and known in {None, paid.transaction_id}:
        return IncidentKind.OTHER_AMOUNT
    return None


async def _capture(tx: AsyncSession, candidates: Sequence[CaptureCandidate]) -> None:
    """Mark the payments captured."""
    await mark_captured(tx, {candidate.payment: candidate.paid for candidate in candidates})
    await emit_traced(tx, [(event_of(PaymentCaptured, candidate.payment), candidate.trace) for candidate in candidates])


async def _reserve_again(tx: AsyncSession, payment: Payment) -> bool:
    """Reserve the bills of a payment that was given up again, if all are due as they were."""
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


async def _clear(tx: AsyncSession, payments: Sequence[OpenPayment]) -> None:
    """The bills of captured payments are paid; the money is the payers' until their provider has booked it."""
    # No two payments hold one bill: the database keeps open lines apart.
    parts = {bill_id: part for payment in payments for bill_id, part in payment.parts.items()}
    if unfinished := await mark_paid(tx, parts):
        await release(tx, payments, unfinished)
    await receipts.issue(tx, payments)
    movements = [
        ledger.Movement(
            TransferKind.PAYMENT_CAPTURED,
            payment.id,
            {
                ledger.channel_receivable(payment.channel): payment.amount_fen,
                ledger.person_clearing(payment.person_id): -payment.amount_fen,
            },
        )
        for payment in payments
    ]
    await ledger.transfer_all(tx, movements)
    await postings.enqueue(tx, [payment.id for payment in payments])


async def _hold(tx: AsyncSession, payment: Payment) -> None:
    """The bills were paid another way meanwhile: hold the money in suspense and refund it."""
    await incidents.record(tx, IncidentKind.MONEY_HELD, payment.id, amount_fen=payment.amount_fen)
    await ledger.transfer(
        tx,
        TransferKind.PAYMENT_HELD,
        payment.id,
        debit=ledger.channel_receivable(payment.channel),
        credit=ledger.suspense(payment.channel),
        amount_fen=payment.amount_fen,
    )
    await automatic_refunds.return_held(tx, payment)
