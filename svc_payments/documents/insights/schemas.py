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
    """Refunded of it, in whatever month that happened."""
    net_fen: int
    """Paid less refunds."""
    late_fee_fen: int
    """Late fees within the amount paid."""


class Spending(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    first_month: str
    last_month: str
    currency: Literal["CNY"] = "CNY"
    items: list[SpendingPart]
    """Sorted by month, then utility; empty groups are left out."""
    net_fen: int
    """The sum of all items."""


class UsageOfMonth(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    month: str
    """YYYY-MM: the billed month."""
    usage: Quantity | None
    """In the unit of the provider's tariff; null when the month has no bill."""
    billed_fen: int | None
    last_year_usage: Quantity | None
    """For the same month of the previous year."""
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
