from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select

from chassis.auth import Caller
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from chassis.text import Instant
from kit.invariants import InvariantBrokenError
from svc_payments.billing.app_orders.models import AppOrder
from svc_payments.collection.app_orders import closing, presenters, refunds, schemas, service
from svc_payments.collection.payments.endpoints import OrdersAtChannels
from svc_payments.parties.callers import AppServer
from svc_payments.parties.mini_apps.queries import app_of
from svc_payments.settings import TheSettings

router = APIRouter(prefix="/payments/v1/app-orders", tags=["orders of mini-apps"])


def _app(caller: Caller) -> UUID:
    app_id = app_of(caller)
    if app_id is None:
        raise InvariantBrokenError("the rule lets servers of mini-apps in and nobody else")
    return app_id


@router.post("", status_code=201)
async def create_app_order(tx: Tx, caller: AppServer, once: OnceKey, body: schemas.NewAppOrder) -> schemas.AppOrder:
    """Create an order for a registered payee, which the resident of the openid confirms in the residents' app.

    The page of the mini-app hands `order_id` to the residents' app. An openid that names nobody in this mini-app is
    not refused here: nobody ever sees such an order.
    """
    return await once.do(tx, caller, service.create(tx, _app(caller), body))


@router.get("")
async def list_app_orders(
    tx: ReadTx,
    caller: AppServer,
    page: PageQuery,
    order_number: Annotated[schemas.Number | None, Query()] = None,
    changed_since: Instant | None = None,
) -> Page[schemas.AppOrder]:
    """List the orders of the caller's mini-app, newest first; by its number, or those that have changed since.

    To follow all changes ask again and again with the moment at which the last list was begun, less one minute.
    """
    query = select(AppOrder).where(AppOrder.app_id == _app(caller))
    if order_number:
        query = query.where(AppOrder.order_number == order_number)
    if changed_since:
        query = query.where(AppOrder.changed_at >= changed_since)
    found = await page_of(tx, query, page, AppOrder.id, _itself, newest_first=True)
    return Page(items=await presenters.show_all(tx, found.items), next_cursor=found.next_cursor)


@router.get("/{order_id}")
async def get_app_order(tx: ReadTx, caller: AppServer, order_id: UUID) -> schemas.AppOrder:
    """Get an order of the caller's mini-app."""
    return await presenters.show(tx, await service.own(tx, _app(caller), order_id))


@router.post("/{order_id}/close", openapi_extra={"x-timeout-seconds": 20})
async def close_app_order(caller: AppServer, orders: OrdersAtChannels, order_id: UUID) -> schemas.AppOrder:
    """Close an unpaid order.

    While its payment is at a channel that does not answer it is `closing`, and paid if the money still arrives.
    Idempotent, so it needs no Idempotency-Key.
    """
    async with orders.database.read() as tx:
        await service.own(tx, _app(caller), order_id)
    await closing.close(orders, order_id)
    async with orders.database.read() as tx:
        return await presenters.show(tx, await service.own(tx, _app(caller), order_id))


@router.post("/{order_id}/refunds", status_code=201)
async def refund_app_order(
    tx: Tx,
    caller: AppServer,
    once: OnceKey,
    settings: TheSettings,
    order_id: UUID,
    body: schemas.NewAppOrderRefund,
) -> schemas.AppOrderRefund:
    """Refund a paid order, in full or in part.

    Above what one person may decide it is `requested`, and an operator decides.
    """
    return await once.do(tx, caller, refunds.refund(tx, caller, _app(caller), order_id, body, settings))


@router.get("/{order_id}/refunds")
async def list_app_order_refunds(
    tx: ReadTx, caller: AppServer, page: PageQuery, order_id: UUID
) -> Page[schemas.AppOrderRefund]:
    """List the refunds that the mini-app has requested of an order, oldest first."""
    order = await service.own(tx, _app(caller), order_id)
    return await presenters.refunds_page(tx, order.id, page)


def _itself(order: AppOrder) -> AppOrder:
    return order
