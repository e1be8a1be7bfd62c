from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import select

from chassis.auth import TokenVerifier
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_payments.billing.app_orders.models import AppOrder
from svc_payments.channels.methods import ChannelNotAvailable
from svc_payments.collection.app_orders import presenters, schemas, service, tickets
from svc_payments.collection.payments import schemas as payment_schemas
from svc_payments.collection.payments.endpoints import OrdersAtChannels
from svc_payments.parties.callers import ConfirmingResident

router = APIRouter(prefix="/payments/v1/me/app-orders", tags=["orders of mini-apps"])


@router.post("/{order_id}/open")
async def open_app_order(
    request: Request, tx: Tx, caller: ConfirmingResident, order_id: UUID, body: schemas.PresentedTicket
) -> schemas.ResidentOrder:
    """Open an order that a mini-app has shown, with a ticket that says who the caller is to that mini-app.

    Idempotent, so it needs no Idempotency-Key.
    """
    verifier: TokenVerifier = request.app.state.token_verifier
    return await service.open_order(tx, order_id, await tickets.ticket_of(verifier, caller, body.ticket))


@router.get("")
async def list_my_app_orders(tx: ReadTx, caller: ConfirmingResident, page: PageQuery) -> Page[schemas.ResidentOrder]:
    """List the orders that the caller has opened, newest first."""
    query = select(AppOrder).where(AppOrder.person_id == caller.id)
    found = await page_of(tx, query, page, AppOrder.id, _itself, newest_first=True)
    items = [await presenters.show_to_resident(tx, order) for order in found.items]
    return Page(items=items, next_cursor=found.next_cursor)


@router.get("/{order_id}")
async def get_my_app_order(tx: ReadTx, caller: ConfirmingResident, order_id: UUID) -> schemas.ResidentOrder:
    """Get an order that the caller has opened."""
    return await presenters.show_to_resident(tx, await service.opened(tx, caller.id, order_id))


@router.post("/{order_id}/pay", status_code=201)
async def pay_app_order(
    tx: Tx,
    caller: ConfirmingResident,
    once: OnceKey,
    orders: OrdersAtChannels,
    order_id: UUID,
    body: schemas.OrderConfirmation,
) -> payment_schemas.Payment:
    """Create the payment of an order as the caller was shown it.

    Place it with `POST /payments/v1/payments/{payment_id}/confirm`, as every payment.
    """
    if body.channel not in orders.offered:
        raise ChannelNotAvailable
    lifetime = orders.settings.order_lifetime
    return await once.do(tx, caller, service.pay(tx, caller.id, order_id, body, lifetime))


def _itself(order: AppOrder) -> AppOrder:
    return order
