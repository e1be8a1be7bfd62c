from typing import Annotated

from fastapi import APIRouter, Depends

from chassis.db import Transactions
from chassis.idempotency import OnceKey
from svc_payments.channels.methods import ChannelNotAvailable
from svc_payments.collection.payments.endpoints import OrdersAtChannels
from svc_payments.collection.payments.quotes import usable_channels
from svc_payments.collection.payments.schemas import Payment
from svc_payments.collection.top_ups import schemas
from svc_payments.collection.top_ups.purchases import TopUps
from svc_payments.parties.callers import PayingResident
from svc_payments.parties.providers.live_query import TheQuestions

router = APIRouter(prefix="/payments/v1", tags=["top-ups"])

# Once, bounded by MYILI_PROVIDER_TIMEOUT_SECONDS.
_CALLS_THE_PROVIDER = {"x-timeout-seconds": 20}


async def _top_ups(transactions: Transactions, questions: TheQuestions) -> TopUps:
    return TopUps(transactions, questions)


TheTopUps = Annotated[TopUps, Depends(_top_ups)]


@router.post("/top-up-validations", openapi_extra=_CALLS_THE_PROVIDER)
async def validate_top_up(
    caller: PayingResident, top_ups: TheTopUps, orders: OrdersAtChannels, body: schemas.TopUpChoice
) -> schemas.TopUpValidation:
    """Ask a provider whether an amount may be bought for an account.

    Nothing is created, so it needs no Idempotency-Key.
    """
    plan = await top_ups.validate(caller.id, body)
    return schemas.TopUpValidation(**body.model_dump(), channels=usable_channels(plan, list(orders.channels)))


@router.post("/top-ups", status_code=201, openapi_extra=_CALLS_THE_PROVIDER)
async def create_top_up(
    caller: PayingResident, once: OnceKey, top_ups: TheTopUps, orders: OrdersAtChannels, body: schemas.NewTopUp
) -> Payment:
    """Create a payment for an amount bought in advance, once its provider allows it.

    The account need not be the caller's where the provider's terms allow it. A token for a prepaid meter, or how
    far the writing of its card is, comes with the booking and is shown with the payment.
    """
    if body.channel not in orders.channels:
        raise ChannelNotAvailable
    return await top_ups.buy(caller, once, body)
