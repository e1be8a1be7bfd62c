from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from svc_payments.channels.provider import ChannelName
from svc_payments.payments.models import PaymentStatus
from svc_payments.postings.models import PostingStatus


class ReceiptedBill(BaseModel):
    bill_id: UUID
    bill_number: str
    account_number: str
    period: str
    amount_fen: int
    posting_status: PostingStatus
    provider_reference: str | None
    """The provider's own number of the booking, once it has booked."""


class Receipt(BaseModel):
    receipt_number: str
    payment_id: UUID
    status: PaymentStatus
    amount_fen: int
    currency: Literal["CNY"] = "CNY"
    channel: ChannelName
    transaction_id: str
    """The channel's number of the payment, as it stands in the payer's wallet."""
    provider_id: UUID
    provider_name: str | None
    bills: list[ReceiptedBill]
    paid_at: datetime
    issued_at: datetime
    completed_at: datetime | None
    """When the provider had booked every bill."""
