from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from chassis.auth import Caller
from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_payments.billing.app_orders.standing import end_of
from svc_payments.channels.methods import ChannelNotAvailable
from svc_payments.channels.provider import Payer
from svc_payments.collection.helpers.service import pay_within_limits, require_made_by
from svc_payments.collection.payments import presenters, quotes, schemas, service
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.payments.orders import Orders
from svc_payments.collection.payments.queries import WantedPayments, payments_of
from svc_payments.parties.callers import PayingResident, PayingResidentOrRelative, require_residents_app

router = APIRouter(prefix="/payments/v1", tags=["payments"])

# Several times, each bounded by MYILI_CHANNEL_TIMEOUT_SECONDS.
_CALLS_THE_CHANNEL = {"x-timeout-seconds": 20}


async def _orders(request: Request, transactions: Transactions) -> Orders:
    return Orders(transactions, request.app.state.channels, request.app.state.settings)


OrdersAtChannels = Annotated[Orders, Depends(_orders)]


@router.post("/payments", status_code=201)
async def create_payment(
    tx: Tx,
    caller: PayingResidentOrRelative,
    once: OnceKey,
    orders: OrdersAtChannels,
    body: schemas.NewPayment,
) -> schemas.Payment:
    """Create a payment and reserve its bills at today's amounts.

    The bills are of one provider; an amount on one account can be paid instead. No other payment can have the bills
    meanwhile. What a relative creates counts towards the limits of the family account: else 409 `helper_limit_reached`.
    """
    if body.channel not in orders.offered:
        raise ChannelNotAvailable
    create = partial(service.create_payment, tx, caller.id, body, orders.settings.order_lifetime)
    return await once.do(tx, caller, pay_within_limits(tx, caller, create))


@router.post("/payment-quotes")
async def quote_payment(
    tx: ReadTx, caller: PayingResidentOrRelative, orders: OrdersAtChannels, body: schemas.NewQuote
) -> schemas.PaymentQuote:
    """Quote a payment: its amount line by line, and the channels.

    Nothing is created, so it needs no Idempotency-Key.
    """
    return await quotes.quote(tx, caller.id, body, orders.offered)


@router.get("/payments")
async def list_payments(
    tx: ReadTx, caller: PayingResident, page: PageQuery, wanted: WantedPayments
) -> Page[schemas.Payment]:
    """List the caller's payments, newest first.

    Also those for accounts that are no longer bound to the caller.
    """
    own = payments_of(caller.id, wanted)
    found = await page_of(tx, own, page, Payment.id, _itself, newest_first=True)
    return Page(items=await presenters.show_all(tx, found.items), next_cursor=found.next_cursor)


@router.get("/payments/{payment_id}")
async def get_payment(tx: ReadTx, caller: PayingResidentOrRelative, payment_id: UUID) -> schemas.Payment:
    """Get one of the caller's payments.

    Poll until it is completed. A relative who helps gets what they have created.
    """
    await require_made_by(tx, caller, payment_id)
    return await presenters.show(tx, await service.own_payment(tx, caller.id, payment_id))


@router.post("/payments/{payment_id}/confirm", openapi_extra=_CALLS_THE_CHANNEL)
async def confirm_payment(
    request: Request,
    caller: PayingResidentOrRelative,
    orders: OrdersAtChannels,
    payment_id: UUID,
    body: schemas.Confirmation | None = None,
) -> schemas.Payment:
    """Place the order of a payment at the channel.

    Idempotent: a repeated request gets the same order, so it needs no Idempotency-Key.
    """
    await _require_made_by(orders, caller, payment_id)
    how = body or schemas.Confirmation()
    # The gateway writes this header itself; whatever a client sent in it does not come through.
    payer = Payer(how.open_id, request.headers.get("x-forwarded-for"))
    return await _shown(orders, await orders.confirm(caller.id, payment_id, how.method, payer))


@router.post("/payments/{payment_id}/cancel", openapi_extra=_CALLS_THE_CHANNEL)
async def cancel_payment(
    caller: PayingResidentOrRelative, orders: OrdersAtChannels, payment_id: UUID
) -> schemas.Payment:
    """Cancel an unpaid payment and release its bills.

    The answer then has the status `expired`.
    """
    await _require_made_by(orders, caller, payment_id)
    return await _shown(orders, await orders.cancel(caller.id, payment_id))


async def _require_made_by(orders: Orders, caller: Caller, payment_id: UUID) -> None:
    async with orders.database.read() as tx:
        await require_made_by(tx, caller, payment_id)
        if await end_of(tx, payment_id):
            require_residents_app(caller)


async def _shown(orders: Orders, payment: Payment) -> schemas.Payment:
    async with orders.database.read() as tx:
        return await presenters.show(tx, payment)


def _itself(payment: Payment) -> Payment:
    return payment
