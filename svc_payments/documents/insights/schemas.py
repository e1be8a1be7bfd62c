from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_payments.billing.bills.schemas import Quantity


class SpendingPart(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    month: str | None
    """YYYY-MM of the payment in China; null unless grouped by month."""
    utility: str | None
    """water, electricity, gas, heating, telecom or cable_tv, and further kinds within v1; null unless asked for by
    utility, and of a provider whose kind is not known here yet."""
    payments: int
    paid_fen: int
    refunded_fen: int
    """What of it has gone back, in whatever month that was."""
    net_fen: int
    """What was spent in the end."""
    late_fee_fen: int
    """How much of what was paid were late fees."""


class Spending(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    first_month: str
    last_month: str
    currency: Literal["CNY"] = "CNY"
    items: list[SpendingPart]
    """In the order of months, then utilities; what there was nothing of is left out."""
    net_fen: int
    """Of all of them."""


class UsageOfMonth(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    month: str
    """YYYY-MM: the billed month."""
    usage: Quantity | None
    """In the unit of the provider's tariff; null when no bill of the month is there."""
    billed_fen: int | None
    last_year_usage: Quantity | None
    """Of the same month of the year before."""
    last_year_billed_fen: int | None


class UsageOfAccount(BaseModel):
    provider_id: UUID
    account_number: str
    utility: str | None
    months: list[UsageOfMonth]


class Usage(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    first_month: str
    last_month: str
    currency: Literal["CNY"] = "CNY"
    accounts: list[UsageOfAccount]
    """Those the caller is bound to and that have bills in these months or in those of the year before."""
