from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from svc_payments.billing.terms.terms import Fen
from svc_payments.collection.payments.schemas import QuotedChannel
from svc_payments.settings.channels import ChannelName


class TopUpChoice(BaseModel):
    """What to buy, of what the provider's payment terms have on sale."""

    provider_id: UUID
    account_number: Annotated[str, StringConstraints(pattern=r"^[0-9]{10}$")]
    amount_fen: Fen


class NewTopUp(TopUpChoice):
    channel: ChannelName


class TopUpValidation(BaseModel):
    """The provider lets this be bought now; nothing is set aside by it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    provider_id: UUID
    account_number: str
    amount_fen: int
    currency: Literal["CNY"] = "CNY"
    channels: list[QuotedChannel]
    """How it can be paid."""
