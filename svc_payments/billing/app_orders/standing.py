"""What becomes of an order when its payment moves. The caller has locked the payment, which comes before the order."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import database_time
from svc_payments.billing.app_orders.models import AppOrder, OrderStatus


async def end_of(tx: AsyncSession, payment_id: UUID) -> datetime | None:
    """Until when the order of a payment may be paid; None for a payment of something else."""
    return await tx.scalar(select(AppOrder.expires_at).where(AppOrder.payment_id == payment_id))


async def released(tx: AsyncSession, payment_id: UUID) -> None:
    """The payment came to nothing: its order is open again, unless it was to end."""
    order = await _locked(tx, payment_id)
    if order is None:
        return
    over = order.expires_at <= await database_time(tx)
    unless_closed = OrderStatus.EXPIRED if over else OrderStatus.OPEN
    order.payment_id = None
    order.move_to(OrderStatus.CLOSED if order.closing else unless_closed)
    touch(order)


async def paid(tx: AsyncSession, payment_id: UUID) -> None:
    """The payment is booked, or booked again after a refund of a part."""
    if order := await _locked(tx, payment_id):
        if order.status == OrderStatus.PAYING:
            order.move_to(OrderStatus.PAID)
        touch(order)


async def refunded(tx: AsyncSession, payment_id: UUID) -> None:
    """All of the payment went back."""
    if order := await _locked(tx, payment_id):
        order.move_to(OrderStatus.REFUNDED)
        touch(order)


def touch(order: AppOrder) -> None:
    """Let the app's server find the order among the changed ones."""
    order.changed_at = func.clock_timestamp()


async def _locked(tx: AsyncSession, payment_id: UUID) -> AppOrder | None:
    query = select(AppOrder).where(AppOrder.payment_id == payment_id).with_for_update()
    found: AppOrder | None = await tx.scalar(query.execution_options(populate_existing=True))
    return found
