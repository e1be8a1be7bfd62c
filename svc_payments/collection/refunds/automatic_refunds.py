"""Automatic refunds: of money not booked, received too late, or taken twice."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.outbox import emit
from kit.invariants import InvariantBrokenError
from svc_payments.channels.provider import Paid
from svc_payments.collection.payments.events import PaymentPostingRefused, PaymentPostingUnanswered
from svc_payments.collection.payments.events import event_of as payment_event_of
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.postings.models import Posting
from svc_payments.collection.refunds import policy, transitions
from svc_payments.collection.refunds.models import Refund, RefundReason, RefundSource, RefundStatus, SecondTransaction
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import TransferKind
from svc_payments.oversight.audit import service as audit
from svc_payments.oversight.incidents import service as incidents
from svc_payments.oversight.incidents.models import IncidentKind


async def return_refused(tx: AsyncSession, payment: Payment, posting: Posting) -> None:
    """Refund a bill of a locked payment that the provider refused to book."""
    await incidents.record(tx, IncidentKind.POSTING_REFUSED, posting.id, payment_id=str(payment.id))
    await emit(tx, payment_event_of(PaymentPostingRefused, payment))
    await _return_bill(tx, payment, posting, RefundReason.POSTING_REFUSED)


async def return_unanswered(tx: AsyncSession, payment: Payment, posting: Posting) -> None:
    """Refund a bill of a locked payment that the provider did not answer for in time."""
    await incidents.record(tx, IncidentKind.POSTING_UNANSWERED, posting.id, payment_id=str(payment.id))
    await emit(tx, payment_event_of(PaymentPostingUnanswered, payment))
    await _return_bill(tx, payment, posting, RefundReason.POSTING_UNANSWERED)


async def _return_bill(tx: AsyncSession, payment: Payment, posting: Posting, reason: RefundReason) -> None:
    refund = _refund(payment, reason, posting.amount_fen, RefundSource.CLEARING, bill_id=posting.bill_id)
    await _start(tx, refund, payment)


async def return_held(tx: AsyncSession, payment: Payment) -> None:
    """Refund all of a locked payment whose money is in suspense because its bills could not take it."""
    await _start(tx, _refund(payment, RefundReason.MONEY_HELD, payment.amount_fen, RefundSource.SUSPENSE), payment)


async def return_fee(tx: AsyncSession, payment: Payment, posting: Posting) -> None:
    """Refund what is left of a booked fee whose application went on without it; the provider unbooks it first."""
    left_fen = transitions.left_fen(payment, posting.bill_id)
    if not left_fen:
        return
    refund = _refund(payment, RefundReason.APPLICATION_ENDED, left_fen, RefundSource.CLEARING, posting.bill_id)
    tx.add(refund)
    await tx.flush()
    await _record(tx, refund, payment)
    await policy.begin_refund(tx, refund, payment, posting)


async def second_amount_of(tx: AsyncSession, channel: str, transaction_id: str) -> int | None:
    """What a channel has taken a second time under this number; None if it has not."""
    of_number = (SecondTransaction.channel == channel, SecondTransaction.transaction_id == transaction_id)
    return await tx.scalar(select(SecondTransaction.amount_fen).where(*of_number))


async def return_second_transaction(tx: AsyncSession, payment: Payment, paid: Paid) -> None:
    """Refund, once, money that a channel took for the order of an already paid, locked payment."""
    row = {
        "id": new_id(),
        "payment_id": payment.id,
        "channel": payment.channel,
        "transaction_id": paid.transaction_id,
        "amount_fen": paid.amount_fen,
        "paid_at": paid.paid_at,
    }
    inserting = insert(SecondTransaction).values(row).on_conflict_do_nothing().returning(SecondTransaction.id)
    second_id = await tx.scalar(inserting)
    if second_id is None:
        return
    await incidents.record(
        tx,
        IncidentKind.SECOND_TRANSACTION,
        second_id,
        payment_id=str(payment.id),
        amount_fen=paid.amount_fen,
        transaction_id=paid.transaction_id,
    )
    await ledger.transfer(
        tx,
        TransferKind.EXCESS_RECORDED,
        second_id,
        debit=ledger.channel_receivable(payment.channel),
        credit=ledger.suspense(payment.channel),
        amount_fen=paid.amount_fen,
    )
    refund = _refund(payment, RefundReason.SECOND_TRANSACTION, paid.amount_fen, RefundSource.SUSPENSE)
    refund.second_transaction_id = second_id
    await _start(tx, refund, payment)


async def transaction_of(tx: AsyncSession, refund: Refund, payment: Payment) -> tuple[str, int]:
    """The transaction that is refunded: the channel's number and the amount."""
    if refund.second_transaction_id:
        found = select(SecondTransaction).where(SecondTransaction.id == refund.second_transaction_id)
        second = (await tx.scalars(found)).one()
        return second.transaction_id, second.amount_fen
    if payment.attempt is None:
        raise InvariantBrokenError("a captured payment has no transaction")
    if payment.attempt.transaction_id is None:
        raise InvariantBrokenError("a captured payment has no transaction")
    return payment.attempt.transaction_id, payment.amount_fen


def _refund(
    payment: Payment, reason: RefundReason, amount_fen: int, source: RefundSource, bill_id: UUID | None = None
) -> Refund:
    refund_id = new_id()
    return Refund(
        id=refund_id,
        number=refund_id.hex,
        payment_id=payment.id,
        bill_id=bill_id,
        amount_fen=amount_fen,
        reason=reason,
        way=transitions.refund_way(payment),
        source=source,
        status=RefundStatus.PROPOSED,
        asked=0,
    )


async def _start(tx: AsyncSession, refund: Refund, payment: Payment) -> None:
    transitions.set_aside(refund, payment)
    tx.add(refund)
    await _record(tx, refund, payment)
    await transitions.start(tx, refund, payment)


async def _record(tx: AsyncSession, refund: Refund, payment: Payment) -> None:
    payment_id, cause = str(payment.id), refund.reason
    await audit.record(
        tx, None, "start_refund", refund.id, payment_id=payment_id, cause=cause, amount_fen=refund.amount_fen
    )
