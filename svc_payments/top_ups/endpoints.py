from typing import Annotated

from fastapi import APIRouter, Depends

from chassis.db import Transactions
from chassis.idempotency import OnceKey
from svc_payments.channels.methods import ChannelNotAvailable
from svc_payments.payments.endpoints import OrdersAtChannels, Resident
from svc_payments.payments.quotes import usable_channels
from svc_payments.payments.schemas import Payment
from svc_payments.providers.questions import TheQuestions
from svc_payments.top_ups import schemas
from svc_payments.top_ups.buying import TopUps

router = APIRouter(prefix="/payments/v1", tags=["top-ups"])

# Once, bounded by MYILI_PROVIDER_TIMEOUT_SECONDS.
_CALLS_THE_PROVIDER = {"x-timeout-seconds": 20}


async def _top_ups(transactions: Transactions, questions: TheQuestions) -> TopUps:
    return TopUps(transactions, questions)


TheTopUps = Annotated[TopUps, Depends(_top_ups)]


@router.post("/top-up-validations", openapi_extra=_CALLS_THE_PROVIDER)
async def validate_top_up(
    caller: Resident, top_ups: TheTopUps, orders: OrdersAtChannels, body: schemas.TopUpChoice
) -> schemas.TopUpValidation:
    """Ask a provider whether an amount may be bought for an account.

    Nothing is created, so it needs no Idempotency-Key.
    """
    plan = await top_ups.validate(caller.id, body)
    return schemas.TopUpValidation(**body.model_dump(), channels=usable_channels(plan, list(orders.channels)))


@router.post("/top-ups", status_code=201, openapi_extra=_CALLS_THE_PROVIDER)
async def create_top_up(
    caller: Resident, once: OnceKey, top_ups: TheTopUps, orders: OrdersAtChannels, body: schemas.NewTopUp
) -> Payment:
    """Create a payment for an amount bought in advance, once its provider allows it.

    The account may be anybody's where the provider's payment terms say so. A token to key into a prepaid meter, or the
    progress of writing its card, comes with the posting and is shown with the payment.
    """
    if body.channel not in orders.channels:
        raise ChannelNotAvailable
    return await top_ups.buy(caller, once, body)
