"""Refunds that an app's server requests for the payee: by its own numbers, within the limits of one operator.

A payee decides on its own money like one operator: above the limit of a payment or of the day, operators decide.
"""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id
from chassis.outbox import emit
from chassis.problems import Problem
from svc_payments.billing.app_orders.models import AppOrder, AppOrderRefund
from svc_payments.collection.app_orders import presenters, schemas, service
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.refunds import policy, transitions
from svc_payments.collection.refunds.events import RefundRequested, event_of
from svc_payments.collection.refunds.models import Refund, RefundReason, RefundSource, RefundStatus
from svc_payments.oversight.audit import service as audit
from svc_payments.settings import Settings


class OrderNotPaid(Problem):
    status, code = 409, "order_not_paid"


class RefundNumberUsed(Problem):
    """The app has used it for another refund."""

    status, code = 409, "refund_number_used"


async def refund(
    tx: AsyncSession, caller: Caller, app_id: UUID, order_id: UUID, new: schemas.NewAppOrderRefund, settings: Settings
) -> schemas.AppOrderRefund:
    """Refund an order, or a part of it; the same number again is the refund that there is.

    Raises:
        NotFound: the order is not this app's.
        OrderNotPaid, RefundNumberUsed
        RefundExceedsPaid, PostingUnderWay, RefundUnderWay: it cannot be done, or not now.
    """
    order = await service.own(tx, app_id, order_id)
    if order.payment_id is None:
        raise OrderNotPaid
    posted = await policy.lock_postings(tx, order.payment_id)
    payment = await payments.lock(tx, order.payment_id)
    known = await tx.get(AppOrderRefund, (app_id, new.refund_number))
    if known:
        return await _same(tx, known, order, new)
    if payment.captured_at is None:
        raise OrderNotPaid
    ((bill_id, _),) = policy.requested_parts(payment, payment.bill_ids[0], new.amount_fen)
    asked = _refund(payment, bill_id, new)
    tx.add(asked)
    await tx.flush()
    await tx.refresh(asked)
    row = {"app_id": app_id, "refund_number": new.refund_number, "order_id": order.id, "refund_id": asked.id}
    numbering = insert(AppOrderRefund).values(row | {"amount_fen": new.amount_fen}).on_conflict_do_nothing()
    if await tx.scalar(numbering.returning(AppOrderRefund.refund_id)) is None:  # of another order, at this moment
        raise RefundNumberUsed
    about = {"payment_id": str(payment.id), "order_id": str(order.id)}
    await audit.record(tx, caller, "refund_order", asked.id, amount_fen=new.amount_fen, **about)
    payee = replace(caller, subject=str(order.payee_id))
    if await policy.one_person_decides(tx, payee, payment, [asked], settings):
        await policy.begin_refund(tx, asked, payment, posted.get(bill_id))
    else:
        await emit(tx, event_of(RefundRequested, asked, payment))
    await tx.flush()
    return await presenters.show_refund(tx, await tx.get_one(AppOrderRefund, (app_id, new.refund_number)))


async def _same(
    tx: AsyncSession, known: AppOrderRefund, order: AppOrder, new: schemas.NewAppOrderRefund
) -> schemas.AppOrderRefund:
    if (known.order_id, known.amount_fen) != (order.id, new.amount_fen):
        raise RefundNumberUsed
    return await presenters.show_refund(tx, known)


def _refund(payment: Payment, bill_id: UUID, new: schemas.NewAppOrderRefund) -> Refund:
    refund_id = new_id()
    return Refund(
        id=refund_id,
        number=refund_id.hex,
        payment_id=payment.id,
        bill_id=bill_id,
        amount_fen=new.amount_fen,
        reason=RefundReason.PAYEE_DECIDED,
        note=new.reason,
        way=transitions.refund_way(payment),
        source=RefundSource.PROVIDER,
        status=RefundStatus.REQUESTED,
        asked=0,
    )
