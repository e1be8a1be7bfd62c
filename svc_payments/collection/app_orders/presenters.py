"""Orders as their app's server sees them, and as their resident does."""

import hashlib
import json
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.pagination import Page, PageRequest, page_of
from svc_payments.billing.app_orders.models import AppOrder, AppOrderRefund
from svc_payments.billing.payees.models import Payee
from svc_payments.collection.app_orders import schemas
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.refunds.models import Refund
from svc_payments.parties.mini_apps.models import MiniApp

_SHOWN = ("order_number", "payee_id", "purpose", "openid", "amount_fen", "status", "created_at", "expires_at")


async def show_all(tx: AsyncSession, orders: Sequence[AppOrder]) -> list[schemas.AppOrder]:
    ids = [order.payment_id for order in orders if order.payment_id]
    money = select(Payment.id, Payment.captured_at, Payment.refunded_fen).where(Payment.id.in_(ids))
    payments = {row.id: row for row in await tx.execute(money)} if ids else {}
    return [_shown(order, payments.get(order.payment_id)) for order in orders]


async def show(tx: AsyncSession, order: AppOrder) -> schemas.AppOrder:
    await tx.flush()
    await tx.refresh(order)
    (shown,) = await show_all(tx, [order])
    return shown


def _shown(order: AppOrder, payment: object) -> schemas.AppOrder:
    return schemas.AppOrder(
        order_id=order.id,
        description=schemas.OrderDescription.model_validate(order.description),
        refunded_fen=getattr(payment, "refunded_fen", 0),
        paid_at=getattr(payment, "captured_at", None),
        closing=order.closing,
        changed_at=order.changed_at,
        **{name: getattr(order, name) for name in _SHOWN},
    )


async def show_to_resident(tx: AsyncSession, order: AppOrder) -> schemas.ResidentOrder:
    payee, app = await tx.get_one(Payee, order.payee_id), await tx.get(MiniApp, order.app_id)
    shown = schemas.ResidentOrder(
        order_id=order.id,
        app_id=order.app_id,
        app_name=app.name if app else None,
        payee=schemas.OrderPayee(payee_id=payee.id, name=payee.name, uscc=payee.uscc, kind=payee.kind),
        purpose=order.purpose,
        description=schemas.OrderDescription.model_validate(order.description),
        amount_fen=order.amount_fen,
        status=order.status,
        payment_id=order.payment_id,
        created_at=order.created_at,
        expires_at=order.expires_at,
        digest="",
    )
    shown.digest = _digest(shown)
    return shown


def _digest(order: schemas.ResidentOrder) -> str:
    """Of what does not change while the order is paid."""
    content = order.model_dump(mode="json", exclude={"digest", "status", "payment_id"})
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


async def refunds_page(tx: AsyncSession, order_id: UUID, page: PageRequest) -> Page[schemas.AppOrderRefund]:
    """What the app has requested of an order, oldest first."""
    known = select(AppOrderRefund).where(AppOrderRefund.order_id == order_id)
    found = await page_of(tx, known, page, AppOrderRefund.refund_id, _itself)
    return Page(items=[await show_refund(tx, each) for each in found.items], next_cursor=found.next_cursor)


async def show_refund(tx: AsyncSession, known: AppOrderRefund) -> schemas.AppOrderRefund:
    """A refund by the app's number; where a try has failed, with the status of what took its place."""
    refund = await tx.get_one(Refund, known.refund_id)
    while retry := await tx.scalar(select(Refund).where(Refund.retry_of == refund.id)):
        refund = retry
    return schemas.AppOrderRefund(
        refund_id=known.refund_id,
        refund_number=known.refund_number,
        order_id=known.order_id,
        amount_fen=known.amount_fen,
        status=refund.status,
        created_at=known.created_at,
        refunded_at=refund.refunded_at,
    )


def _itself(refund: AppOrderRefund) -> AppOrderRefund:
    return refund
