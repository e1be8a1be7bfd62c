from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_payments.billing.bills.schemas import Bill
from svc_payments.parties.providers.account_numbers import AccountNumber


class NewBillInquiry(BaseModel):
    provider_id: UUID
    account_number: AccountNumber


class BillInquiry(BaseModel):
    """The amounts due on an account."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    provider_id: UUID
    account_number: str
    asked_at: datetime
    """When the provider was queried: now, or moments ago for another person bound to the account."""
    bills: list[Bill]
    """The bills that the caller may see, oldest first, with their amounts due today."""
