"""Asks a provider whether an amount may be bought for an account; nothing is reserved."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictInt

from svc_payments.billing.terms.terms import LARGEST_FEN
from svc_payments.collection.top_ups.models import Result, TopUpValidation
from svc_payments.parties.providers.live_query import NotUsable, Questions
from svc_payments.parties.providers.models import Provider

QUESTION = "top_up_validation"


class Answer(BaseModel):
    result: Literal[
        Result.ACCEPTED,
        Result.NO_ACCOUNT,
        Result.CLOSED,
        Result.NOT_PAYABLE_ONLINE,
        Result.PAYMENT_UNFINISHED,
        Result.NOT_PURCHASABLE,
        Result.ABOVE_PURCHASABLE,
    ]
    most_fen: Annotated[StrictInt, Field(ge=0, le=LARGEST_FEN)] | None = None


async def validate(questions: Questions, provider: Provider, validation: TopUpValidation) -> Answer:
    """Ask whether this may be bought.

    Raises:
        NotAnswered, NotUsable
    """
    content: dict[str, str | int] = {
        "validation_id": str(validation.id),
        "account_number": validation.account_number,
        "amount_fen": validation.amount_fen,
    }
    answer = await questions.ask(provider, "/top-up-validations", content, Answer)
    # The amount must be above the limit that is answered, or the payer would see a senseless refusal.
    above = answer.result == Result.ABOVE_PURCHASABLE
    if above and (answer.most_fen is None or answer.most_fen >= validation.amount_fen):
        raise NotUsable("most_fen_does_not_fit")
    return answer
