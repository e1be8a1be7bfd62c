from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_payments.billing.bills.schemas import Bill
from svc_payments.collection.payments.schemas import PaymentLine
from svc_payments.collection.postings.schemas import Posting
from svc_payments.oversight.incidents.schemas import Incident
from svc_payments.reconciliation.discrepancies.schemas import Discrepancy


class Order(BaseModel):
    """The payment's order at its channel, and its polling."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    order_number: str
    method: str | None
    transaction_id: str | None
    """The channel's transaction number, as the payer's wallet shows it."""
    paid_at: datetime | None
    refusal: str | None
    """The channel's code, when it refused the order."""
    asked: int
    """How many times the channel was queried."""
    ask_at: datetime | None
    """When it is queried next; null when polling has ended."""


class RefundRecord(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    refund_id: UUID
    number: str
    """The platform's number at the channel."""
    bill_id: UUID | None
    amount_fen: int
    reason: str
    way: str
    """channel, counter or bank_transfer; expect further values within v1."""
    status: str
    reference: str | None
    """The channel's, counter's or bank's own number."""
    failure: str | None
    asked: int
    ask_at: datetime | None
    proposed_by: UUID | None
    approved_by: UUID | None
    created_at: datetime
    refunded_at: datetime | None


class EInvoiceRecord(BaseModel):
    """Without the title and the recipient's address, which are the payer's."""

    e_invoice_id: UUID
    status: str
    amount_fen: int
    invoice_number: str | None
    red_invoice_number: str | None
    failure: str | None
    tries: int
    created_at: datetime


class Movement(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    transfer_id: UUID
    kind: str
    """payment_captured, bill_booked, refund_paid and so on; expect further values within v1."""
    reference_id: UUID
    """The payment, posting, refund or case that it is for."""
    amount_fen: int
    created_at: datetime


class PaymentRecord(BaseModel):
    """Everything known about a payment, for staff who trace its money."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    payment_id: UUID
    person_id: UUID
    """The payer; of an unknown person at a counter, the till session."""
    provider_id: UUID
    channel: str
    status: str
    deadline: datetime | None
    """When it should have left its state; null in final states."""
    amount_fen: int
    refunded_fen: int
    refunding_fen: int
    """Reserved for refunds that are not finished."""
    held: bool
    created_at: datetime
    expires_at: datetime
    captured_at: datetime | None
    completed_at: datetime | None
    bills: list[PaymentLine]
    order: Order | None
    receipt_number: str | None
    till_session_id: UUID | None
    postings: list[Posting]
    refunds: list[RefundRecord]
    e_invoices: list[EInvoiceRecord]
    movements: list[Movement]
    """Ledger entries, in order."""
    incidents: list[Incident]
    cases: list[Discrepancy]


class PaymentOfBill(BaseModel):
    """A payment that has this bill among those it pays."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    payment_id: UUID
    status: str
    channel: str
    amount_fen: int
    """The amount of this bill that it pays or was to pay."""
    refunded_fen: int
    created_at: datetime


class BillRecord(BaseModel):
    """A bill with its payments, for staff who start from a customer's bill."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    bill: Bill
    payments: list[PaymentOfBill]
    """Newest first: those that hold the bill or have paid it, and those that residents bound to the account gave up."""


def fields_of(row: object, shown: type[BaseModel], **other: Any) -> dict[str, Any]:  # noqa: ANN401 - of any field
    """What a row and an answer call the same, with the rest as given."""
    return {name: getattr(row, name) for name in shown.model_fields if name not in other} | other
