from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from svc_payments.billing.bills.schemas import Bill


class NewBillInquiry(BaseModel):
    provider_id: UUID
    account_number: Annotated[str, StringConstraints(pattern=r"^[0-9]{10}$")]


class BillInquiry(BaseModel):
    """The amounts due on an account."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    provider_id: UUID
    account_number: str
    asked_at: datetime
    """When the provider was queried: now, or moments ago for another person bound to the account."""
    bills: list[Bill]
    """The bills that the caller may see, oldest first, with their amounts due today."""
