from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_payments.collection.payments.schemas import Prepaid


class ReceiptedBill(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    bill_id: UUID
    bill_number: str
    account_number: str
    kind: str
    """regular, advance or top_up; expect further values within v1."""
    period: str
    amount_fen: int
    late_fee_fen: int
    """The late fee within the amount."""
    posting_status: str
    """pending, sending, unknown, booked, refused, cancelling, cancelled or kept; expect further values within v1."""
    provider_reference: str | None
    """The provider's own number of the booking, once it has booked."""
    prepaid: Prepaid | None
    """The token or card issued for a prepaid meter; null: none."""


class ReceiptedRefund(BaseModel):
    """A refund of the payment."""

    number: str
    amount_fen: int
    refunded_at: datetime


class Receipt(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    receipt_number: str
    payment_id: UUID
    status: str
    """The payment's, at this moment."""
    standing: str
    """being_posted, booked, reversing, partly_refunded or refunded; expect further values within v1."""
    amount_fen: int
    refunded_fen: int
    """Refunded to the payer so far."""
    refunds: list[ReceiptedRefund]
    currency: Literal["CNY"] = "CNY"
    channel: str
    transaction_id: str
    """The channel's transaction number, as the payer's wallet shows it."""
    provider_id: UUID
    provider_name: str | None
    provider_kind: str | None
    """water, electricity, gas, heating, telecom or cable_tv; expect further values within v1."""
    bills: list[ReceiptedBill]
    paid_at: datetime
    issued_at: datetime
    completed_at: datetime | None
    """When the provider finished booking every bill."""


class ReceiptVerification(BaseModel):
    """A genuine receipt, for its holder; it discloses neither the payer nor the account."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    receipt_number: str
    amount_fen: int
    refunded_fen: int
    """Refunded to the payer since."""
    currency: Literal["CNY"] = "CNY"
    provider_name: str | None
    provider_kind: str | None
    paid_on: date
    """The day in China."""
    standing: str
    """being_posted, booked, reversing, partly_refunded or refunded; expect further values within v1."""
