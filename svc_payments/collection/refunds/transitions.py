"""The steps of a refund from the moment it is decided, each in the caller's transaction, with its rows locked.

Rows are locked in one order everywhere: posting, refund, payment, bills; the ledger comes last.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit
from chassis.problems import Problem
from kit.calendar import database_time
from svc_payments.amounts import money
from svc_payments.billing.bills import service as bills
from svc_payments.billing.bills.models import Part
from svc_payments.collection.payments.models import Payment, PaymentLine
from svc_payments.collection.payments.payment_state import advance
from svc_payments.collection.postings.models import Posting, PostingStatus
from svc_payments.collection.refunds.events import (
    RefundAbnormal,
    RefundBookingKept,
    RefundFailed,
    RefundRefunded,
    RefundStarted,
    RefundUnknown,
    event_of,
)
from svc_payments.collection.refunds.models import Refund, RefundSource, RefundStatus, RefundWay
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import TransferKind
from svc_payments.oversight.incidents import service as incidents
from svc_payments.oversight.incidents.models import IncidentKind
from svc_payments.settings.channels import ChannelName

_FIRST = {
    RefundWay.CHANNEL: RefundStatus.STARTED,
    RefundWay.COUNTER: RefundStatus.AT_COUNTER,
    RefundWay.BANK_TRANSFER: RefundStatus.BY_TRANSFER,
}


class RefundExceedsPaid(Problem):
    """More than was paid less refunds, finished or in progress."""

    status, code = 409, "refund_exceeds_paid"


def refund_way(payment: Payment) -> RefundWay:
    """Money is refunded the way it came."""
    over_the_counter = payment.channel in {ChannelName.CASH, ChannelName.POS}
    return RefundWay.COUNTER if over_the_counter else RefundWay.CHANNEL


def left_fen(payment: Payment, bill_id: UUID | None) -> int:
    """The amount of a payment, or of one bill, neither refunded nor reserved for a refund."""
    counted: Payment | PaymentLine = payment.line(bill_id) if bill_id else payment
    return counted.amount_fen - counted.refunded_fen - counted.refunding_fen


def set_aside(refund: Refund, payment: Payment) -> None:
    """Reserve the money of a refund, so that nothing else can use it.

    Raises:
        RefundExceedsPaid: so much is not left. The database would refuse it as well.
    """
    if refund.second_transaction_id:
        return
    left = left_fen(payment, refund.bill_id)
    if refund.amount_fen > left:
        raise RefundExceedsPaid(**money(left=left))
    _count(refund, payment, refunding_fen=refund.amount_fen)


def _count(refund: Refund, payment: Payment, *, refunding_fen: int, refunded_fen: int = 0) -> None:
    if refund.second_transaction_id:
        return
    counting: list[Payment | PaymentLine] = [payment]
    if refund.bill_id:
        counting.append(payment.line(refund.bill_id))
    for counted in counting:
        counted.refunding_fen += refunding_fen
        counted.refunded_fen += refunded_fen


async def start(tx: AsyncSession, refund: Refund, payment: Payment) -> None:
    """Move the reserved money out of its account."""
    refund.move_to(_FIRST[RefundWay(refund.way)])
    refund.started_at = await database_time(tx)
    if refund.way == RefundWay.CHANNEL:
        refund.ask_at = refund.started_at
    await advance(tx, payment)
    await emit(tx, event_of(RefundStarted, refund, payment))
    await ledger.transfer(
        tx,
        TransferKind.REFUND_STARTED,
        refund.id,
        debit=_source(refund, payment),
        credit=ledger.refunds(payment.channel),
        amount_fen=refund.amount_fen,
    )


async def unknown(tx: AsyncSession, refund: Refund, payment: Payment) -> None:
    """The outcome at the channel is unknown."""
    if refund.status != RefundStatus.UNKNOWN:
        refund.move_to(RefundStatus.UNKNOWN)
        await emit(tx, event_of(RefundUnknown, refund, payment))


async def abnormal(tx: AsyncSession, refund: Refund, payment: Payment, code: str) -> None:
    """The channel could not deliver the money, and people finish it there: nothing is set free for another refund."""
    if refund.status == RefundStatus.ABNORMAL:
        return
    refund.move_to(RefundStatus.ABNORMAL)
    refund.failure = code
    await incidents.record(
        tx, IncidentKind.REFUND_FAILED, refund.id, payment_id=str(payment.id), amount_fen=refund.amount_fen, code=code
    )
    await emit(tx, event_of(RefundAbnormal, refund, payment))


async def refunded(tx: AsyncSession, refund: Refund, payment: Payment, reference: str, moment: datetime) -> None:
    """The payer has the money."""
    refund.move_to(RefundStatus.REFUNDED)
    refund.reference, refund.refunded_at, refund.ask_at = reference, moment, None
    _count(refund, payment, refunding_fen=-refund.amount_fen, refunded_fen=refund.amount_fen)
    if refund.bill_id and refund.source == RefundSource.CLEARING:
        await _free_bill(tx, payment, refund.bill_id)
    await advance(tx, payment)
    await emit(tx, event_of(RefundRefunded, refund, payment))
    sent_by_bank = refund.way == RefundWay.BANK_TRANSFER
    await ledger.transfer(
        tx,
        TransferKind.REFUND_PAID,
        refund.id,
        debit=ledger.refunds(payment.channel),
        credit=ledger.bank() if sent_by_bank else ledger.channel_receivable(payment.channel),
        amount_fen=refund.amount_fen,
    )


async def _free_bill(tx: AsyncSession, payment: Payment, bill_id: UUID) -> None:
    """All that this payment paid for a bill is refunded and unbooked: that much is owed again."""
    line = payment.line(bill_id)
    line.released_at = line.released_at or await database_time(tx)
    unbooked = select(Posting.provider_reference).where(
        Posting.payment_id == payment.id, Posting.bill_id == bill_id, Posting.status == PostingStatus.CANCELLED
    )
    was_booked = await tx.scalar(unbooked) is not None
    await bills.give_back(tx, bill_id, Part(line.amount_fen, line.late_fee_fen), booked=was_booked)


async def failed(tx: AsyncSession, refund: Refund, payment: Payment, code: str) -> None:
    """The channel refused the refund: the money stays reserved until staff choose another way."""
    refund.move_to(RefundStatus.FAILED)
    refund.failure, refund.ask_at = code, None
    await incidents.record(
        tx, IncidentKind.REFUND_FAILED, refund.id, payment_id=str(payment.id), amount_fen=refund.amount_fen, code=code
    )
    await emit(tx, event_of(RefundFailed, refund, payment))
    await ledger.transfer(
        tx,
        TransferKind.REFUND_FAILED,
        refund.id,
        debit=ledger.refunds(payment.channel),
        credit=_source(refund, payment),
        amount_fen=refund.amount_fen,
    )


async def unbooked(tx: AsyncSession, posting: Posting, payment: Payment) -> None:
    """Start the refund after the provider has reversed its booking."""
    refund = await _waiting_for(tx, posting)
    await ledger.transfer(
        tx,
        TransferKind.BOOKING_REVERSED,
        posting.id,
        debit=ledger.provider_payable(payment.provider_id),
        credit=ledger.person_clearing(payment.person_id),
        # Earlier refunds borne by the provider are not refunded again.
        amount_fen=refund.amount_fen,
    )
    await start(tx, refund, payment)


async def booking_kept(tx: AsyncSession, posting: Posting, payment: Payment) -> None:
    """The provider keeps a booking that a refund wanted reversed: an operator decides."""
    refund = await _waiting_for(tx, posting)
    refund.move_to(RefundStatus.BOOKING_KEPT)
    _count(refund, payment, refunding_fen=-refund.amount_fen)
    await advance(tx, payment)
    await emit(tx, event_of(RefundBookingKept, refund, payment))


async def _waiting_for(tx: AsyncSession, posting: Posting) -> Refund:
    """The refund that waits for a locked posting."""
    waiting = select(Refund).where(
        Refund.payment_id == posting.payment_id,
        Refund.bill_id == posting.bill_id,
        Refund.status == RefundStatus.UNBOOKING,
    )
    return (await tx.scalars(waiting.with_for_update().execution_options(populate_existing=True))).one()


def _source(refund: Refund, payment: Payment) -> ledger.AccountName:
    match refund.source:
        case RefundSource.PROVIDER:
            return ledger.provider_payable(payment.provider_id)
        case RefundSource.SUSPENSE:
            return ledger.suspense(payment.channel)
        case _:
            return ledger.person_clearing(payment.person_id)
