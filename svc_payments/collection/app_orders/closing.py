"""Orders that end unpaid: closed by their server, because the app or the payee lost its right, or by time.

The payment is locked before its order, as where a payment moves. Whether a payment at a channel came to nothing, the
channel alone says: until then the order is `closing`, and money that has arrived wins.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.problems import IllegalMove, Problem
from chassis.telemetry import log
from svc_payments.billing.app_orders.models import ENDED_UNPAID, UNPAID, AppOrder, OrderStatus
from svc_payments.billing.app_orders.standing import touch
from svc_payments.billing.payees.models import Payee, PayeeApp, PayeeStatus
from svc_payments.channels.registry import open_channels
from svc_payments.collection.app_orders.service import OrderAlreadyPaid
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.models import AT_CHANNEL, Payment, PaymentStatus
from svc_payments.collection.payments.orders import Orders
from svc_payments.parties.mini_apps.queries import client_column, has_lost_access
from svc_payments.settings import Settings

_BATCH = 200


class OrderBusy(Problem):
    """Its payment has just changed."""

    status, code = 409, "order_busy"
    headers = {"Retry-After": "1"}  # noqa: RUF012 - the base class declares it a read-only Mapping


async def close(orders: Orders, order_id: UUID) -> None:
    """Close an order, and its payment at the channel, if there is one.

    Raises:
        OrderAlreadyPaid, OrderBusy
    """
    async with orders.database.transaction() as tx:
        payment = await _begin_closing(tx, order_id)
    if payment is None:
        return
    try:
        await orders.cancel(payment.person_id, payment.id)
    except IllegalMove:
        raise OrderAlreadyPaid from None


async def _begin_closing(tx: AsyncSession, order_id: UUID) -> Payment | None:
    """Close an order, or mark it to be; returns the payment that its channel has to close."""
    payment_id = await tx.scalar(select(AppOrder.payment_id).where(AppOrder.id == order_id))
    payment = await payments.lock(tx, payment_id) if payment_id else None
    order = await tx.get_one(AppOrder, order_id, with_for_update=True, populate_existing=True)
    if order.status in ENDED_UNPAID:
        return None
    if order.payment_id != payment_id:
        raise OrderBusy
    if payment is None:
        order.move_to(OrderStatus.CLOSED)
        touch(order)
        return None
    if payment.status not in {PaymentStatus.CREATED, *AT_CHANNEL}:
        raise OrderAlreadyPaid
    order.closing = True
    touch(order)
    if payment.status == PaymentStatus.CREATED:
        await tx.flush()
        await payments.give_up(tx, payment, PaymentStatus.EXPIRED)
        return None
    return payment


async def expire_due(database: Database) -> None:
    """End the orders whose time is over and that nobody is paying."""
    more = True
    while more:
        async with database.transaction() as tx:
            over = select(AppOrder).where(AppOrder.status == OrderStatus.OPEN, AppOrder.expires_at <= func.now())
            claimed = over.order_by(AppOrder.expires_at).limit(_BATCH).with_for_update(skip_locked=True)
            due = (await tx.scalars(claimed)).all()
            for order in due:
                order.move_to(OrderStatus.EXPIRED)
                touch(order)
            more = len(due) == _BATCH


async def close_ended(orders: Orders) -> None:
    """Close the open orders of apps and payees that may not collect any more."""
    async with orders.database.read() as tx:
        found = await _without_right(tx)
    for order_id in found:
        try:
            await close(orders, order_id)
        except Problem as refusal:  # such as money that has just arrived; the others go on
            log.warning("order_not_closed", order_id=str(order_id), code=refusal.code)


async def _without_right(tx: AsyncSession) -> Sequence[UUID]:
    agreed = exists().where(
        PayeeApp.payee_id == AppOrder.payee_id,
        PayeeApp.app_id == AppOrder.app_id,
        PayeeApp.agreed_at.is_not(None),
        PayeeApp.ended_at.is_(None),
    )
    ended = or_(has_lost_access(client_column(AppOrder.app_id)), Payee.status != PayeeStatus.APPROVED, ~agreed)
    query = select(AppOrder.id).join(Payee, Payee.id == AppOrder.payee_id)
    return (await tx.scalars(query.where(AppOrder.status.in_(UNPAID), ~AppOrder.closing, ended).limit(_BATCH))).all()


async def keep_closing(database: Database, settings: Settings) -> None:
    """Close what may not be collected any more, until cancelled."""
    async with open_channels(settings) as channels:
        orders = Orders(database, channels, settings)
        while True:
            await close_ended(orders)
            await asyncio.sleep(1.0)
