from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class ReceiptedBill(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    bill_id: UUID
    bill_number: str
    account_number: str
    period: str
    amount_fen: int
    posting_status: str
    """pending, sending, unknown, booked or refused; expect further values within v1."""
    provider_reference: str | None
    """The provider's own number of the booking, once it has booked."""


class Receipt(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    receipt_number: str
    payment_id: UUID
    status: str
    """The payment's, at this moment."""
    amount_fen: int
    currency: Literal["CNY"] = "CNY"
    channel: str
    transaction_id: str
    """The channel's number of the payment, as it stands in the payer's wallet."""
    provider_id: UUID
    provider_name: str | None
    bills: list[ReceiptedBill]
    paid_at: datetime
    issued_at: datetime
    completed_at: datetime | None
    """When the provider had booked every bill."""
