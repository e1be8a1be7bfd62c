"""The status of a captured payment, which follows from its postings and refunds.

Each change of one of them ends here, in its own transaction, with the payment locked.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit
from kit.calendar import database_time
from svc_payments.billing.app_orders import standing as app_orders
from svc_payments.billing.bills import service as bills
from svc_payments.collection.payments import service
from svc_payments.collection.payments.events import (
    PaymentCompleted,
    PaymentEvent,
    PaymentRefunded,
    PaymentReversing,
    event_of,
)
from svc_payments.collection.payments.models import Payment, PaymentStatus
from svc_payments.collection.postings.models import UNSETTLED, Posting, PostingStatus
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import TransferKind

_EVENTS: dict[PaymentStatus, type[PaymentEvent]] = {
    PaymentStatus.REVERSING: PaymentReversing,
    PaymentStatus.REFUNDED: PaymentRefunded,
    PaymentStatus.COMPLETED: PaymentCompleted,
}


async def begin_posting(tx: AsyncSession, payment_ids: Collection[UUID]) -> None:
    """The postings of these payments are being sent."""
    for payment_id in sorted(payment_ids):
        payment = await service.lock(tx, payment_id)
        if payment.status == PaymentStatus.CAPTURED:
            payment.move_to(PaymentStatus.POSTING)


async def bill_booked(tx: AsyncSession, payment: Payment, posting: Posting) -> None:
    """Book a bill of a locked payment: from now on its money is the provider's."""
    await bills.mark_booked(tx, posting.bill_id, posting.amount_fen)
    await advance(tx, payment)
    await ledger.transfer(
        tx,
        TransferKind.BILL_BOOKED,
        posting.id,
        debit=ledger.person_clearing(payment.person_id),
        credit=ledger.provider_payable(payment.provider_id),
        amount_fen=posting.amount_fen,
    )


async def advance(tx: AsyncSession, payment: Payment) -> None:
    """Move a locked payment to the status that follows from its postings and refunds, and emit its event."""
    await tx.flush()
    standing = await _standing(tx, payment)
    if standing == payment.status:
        return
    payment.move_to(standing)
    if standing == PaymentStatus.COMPLETED and payment.completed_at is None:
        payment.completed_at = await database_time(tx)
    if standing == PaymentStatus.COMPLETED:
        await app_orders.paid(tx, payment.id)
    elif standing == PaymentStatus.REFUNDED:
        await app_orders.refunded(tx, payment.id)
    if event := _EVENTS.get(standing):
        await emit(tx, event_of(event, payment))


async def _standing(tx: AsyncSession, payment: Payment) -> PaymentStatus:
    if payment.refunding_fen:
        return PaymentStatus.REVERSING
    if payment.refunded_fen == payment.amount_fen:
        return PaymentStatus.REFUNDED
    open_yet = or_(
        Posting.status.in_(UNSETTLED),
        # Its cancellation is being sent for the first time, and may still be answered with a booking.
        and_(Posting.status == PostingStatus.CANCELLING, Posting.given_up_at.is_(None)),
    )
    # Counted while the payment is locked: of two postings settled at once, the second sees the first.
    waiting = exists().where(Posting.payment_id == payment.id, open_yet)
    return PaymentStatus.POSTING if await tx.scalar(select(waiting)) else PaymentStatus.COMPLETED
