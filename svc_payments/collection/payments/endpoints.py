from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_payments.channels.methods import ChannelNotAvailable
from svc_payments.channels.provider import Payer
from svc_payments.collection.payments import presenters, quotes, schemas, service
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.payments.orders import Orders
from svc_payments.collection.payments.queries import WantedPayments, payments_of
from svc_payments.parties.callers import Resident

router = APIRouter(prefix="/payments/v1", tags=["payments"])

# Several times, each bounded by MYILI_CHANNEL_TIMEOUT_SECONDS.
_CALLS_THE_CHANNEL = {"x-timeout-seconds": 20}


async def _orders(request: Request, transactions: Transactions) -> Orders:
    return Orders(transactions, request.app.state.channels, request.app.state.settings)


OrdersAtChannels = Annotated[Orders, Depends(_orders)]


@router.post("/payments", status_code=201)
async def create_payment(
    tx: Tx,
    caller: Resident,
    once: OnceKey,
    orders: OrdersAtChannels,
    body: schemas.NewPayment,
) -> schemas.Payment:
    """Reserve bills of one provider for paying, at what they come to today, or an amount on one account.

    No other payment can have the bills meanwhile.
    """
    if body.channel not in orders.offered:
        raise ChannelNotAvailable
    return await once.do(tx, caller, service.create_payment(tx, caller.id, body, orders.settings.order_lifetime))


@router.post("/payment-quotes")
async def quote_payment(
    tx: ReadTx, caller: Resident, orders: OrdersAtChannels, body: schemas.NewQuote
) -> schemas.PaymentQuote:
    """What a payment would come to, line by line, and over which channels; nothing is begun, so it needs no key."""
    return await quotes.quote(tx, caller.id, body, orders.offered)


@router.get("/payments")
async def list_payments(tx: ReadTx, caller: Resident, page: PageQuery, wanted: WantedPayments) -> Page[schemas.Payment]:
    """The caller's payments, newest first: also those for accounts that they are not bound to any more."""
    own = payments_of(caller.id, wanted)
    found = await page_of(tx, own, page, Payment.id, _itself, newest_first=True)
    return Page(items=await presenters.show_all(tx, found.items), next_cursor=found.next_cursor)


@router.get("/payments/{payment_id}")
async def get_payment(tx: ReadTx, caller: Resident, payment_id: UUID) -> schemas.Payment:
    """One of the caller's payments; ask again until it is completed."""
    return await presenters.show(tx, await service.own_payment(tx, caller.id, payment_id))


@router.post("/payments/{payment_id}/confirm", openapi_extra=_CALLS_THE_CHANNEL)
async def confirm_payment(
    request: Request,
    caller: Resident,
    orders: OrdersAtChannels,
    payment_id: UUID,
    body: schemas.Confirmation | None = None,
) -> schemas.Payment:
    """Place the order at the channel. Made again it gives the same order, so it needs no Idempotency-Key."""
    how = body or schemas.Confirmation()
    # The gateway writes this header itself; whatever a client sent in it does not come through.
    payer = Payer(how.open_id, request.headers.get("x-forwarded-for"))
    return await _shown(orders, await orders.confirm(caller.id, payment_id, how.method, payer))


@router.post("/payments/{payment_id}/cancel", openapi_extra=_CALLS_THE_CHANNEL)
async def cancel_payment(caller: Resident, orders: OrdersAtChannels, payment_id: UUID) -> schemas.Payment:
    """Give up an unpaid payment and free its bills; `expired` in the answer says that this is done."""
    return await _shown(orders, await orders.cancel(caller.id, payment_id))


async def _shown(orders: Orders, payment: Payment) -> schemas.Payment:
    async with orders.database.read() as tx:
        return await presenters.show(tx, payment)


def _itself(payment: Payment) -> Payment:
    return payment
