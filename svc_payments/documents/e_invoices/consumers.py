"""Refunds, by their own events: an invoice for more than was paid in the end is reversed."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_payments.collection.payments.models import Payment
from svc_payments.documents.e_invoices import service


class RefundRefunded(EventData):
    payment_id: UUID


async def on_refunded(tx: AsyncSession, event: Received[RefundRefunded]) -> None:
    locked = select(Payment).where(Payment.id == event.data.payment_id).with_for_update(of=Payment)
    if payment := (await tx.scalars(locked)).unique().one_or_none():
        await service.after_refund(tx, payment)


HANDLERS: list[AnyHandler] = [Handler("cn.ili.payments.refund.refunded.v1", RefundRefunded, on_refunded)]
