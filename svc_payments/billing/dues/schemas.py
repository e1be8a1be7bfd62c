from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_payments.billing.bills.schemas import PayingStatus


class LatestBill(BaseModel):
    bill_id: UUID
    period: str
    amount_fen: int
    status: PayingStatus
    due_date: date


class AccountDue(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    binding_id: UUID
    provider_id: UUID
    provider_name: str | None
    """null, as `utility` is, for some seconds after a provider was approved."""
    utility: str | None
    """water, electricity, gas, heating, telecom or cable_tv, and further kinds within v1."""
    account_number: str
    role: str
    """owner, family or tenant; a tenant's figures are those of the tenancy. Expect further values within v1."""
    access_until: date | None
    """Of an invited person: the last day of the access."""
    bills_due: int
    due_fen: int
    """What these bills come to today, with late fees."""
    currency: Literal["CNY"] = "CNY"
    more_due: bool
    """Whether there are more bills than are counted here, the 60 oldest."""
    next_due_date: date | None
    """The earliest day by which one of them has to be paid; it may be past."""
    overdue: bool
    paying: bool
    """Whether a payment of one of them is open."""
    latest_bill: LatestBill | None
    """The bill of the latest month, paid or not."""
