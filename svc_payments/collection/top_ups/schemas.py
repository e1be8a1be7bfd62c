from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_payments.billing.terms.terms import Fen
from svc_payments.collection.payments.schemas import QuotedChannel
from svc_payments.parties.providers.account_numbers import AccountNumber
from svc_payments.settings.channels import ChannelName


class TopUpChoice(BaseModel):
    """An amount to buy from those that the provider's payment terms offer."""

    provider_id: UUID
    account_number: AccountNumber
    amount_fen: Fen


class NewTopUp(TopUpChoice):
    channel: ChannelName


class TopUpValidation(BaseModel):
    """The provider allows this purchase now; nothing is reserved."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    provider_id: UUID
    account_number: str
    amount_fen: int
    currency: Literal["CNY"] = "CNY"
    channels: list[QuotedChannel]
    """The channels it can be paid with."""
