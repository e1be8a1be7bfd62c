"""Closes refunds that wait for a decision although another one has given back what they were for."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.outbox import emit
from svc_payments.collection.payments.models import Payment, PaymentLine
from svc_payments.collection.refunds import worker
from svc_payments.collection.refunds.events import RefundRejected, event_of
from svc_payments.collection.refunds.models import UNDECIDED, Refund, RefundStatus
from svc_payments.oversight.audit import service as audit

_AT_ONCE = 100


async def close_superseded(database: Database) -> None:
    """Close those that exceed what is not with the payer yet; money on its way may still come back."""
    returned = (PaymentLine.payment_id == Refund.payment_id) & (PaymentLine.bill_id == Refund.bill_id)
    exceeding = Refund.amount_fen > PaymentLine.amount_fen - PaymentLine.refunded_fen
    waiting = select(Refund.id).join(PaymentLine, returned).where(Refund.status.in_(UNDECIDED), exceeding)
    async with database.read() as tx:
        refund_ids = (await tx.scalars(waiting.order_by(Refund.id).limit(_AT_ONCE))).all()
    for refund_id in refund_ids:
        async with database.transaction() as tx:
            await _close(tx, *await worker.lock(tx, refund_id))


async def _close(tx: AsyncSession, refund: Refund, payment: Payment) -> None:
    if refund.bill_id is None or refund.status not in UNDECIDED:
        return  # decided in between
    line = payment.line(refund.bill_id)
    if refund.amount_fen <= line.amount_fen - line.refunded_fen:
        return
    refund.move_to(RefundStatus.SUPERSEDED)
    await audit.record(
        tx, None, "supersede_refund", refund.id, payment_id=str(payment.id), amount_fen=refund.amount_fen
    )
    await emit(tx, event_of(RefundRejected, refund, payment))
