"""The trail of an e-invoice; it never names the title or the recipient."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_payments.documents.e_invoices.models import EInvoice


class EInvoiceEvent(Event):
    model_config = ConfigDict(use_attribute_docstrings=True)

    key_field: ClassVar[str] = "e_invoice_id"

    e_invoice_id: UUID
    payment_id: UUID
    person_id: UUID
    provider_id: UUID
    amount_fen: int
    currency: Literal["CNY"] = "CNY"
    status: str
    """The status after the event; expect further values within v1."""


class EInvoiceRequested(EInvoiceEvent):
    """A payer has requested an invoice."""

    event_type: ClassVar[str] = "cn.ili.payments.e_invoice.requested.v1"


class EInvoiceIssued(EInvoiceEvent):
    """The issuer has issued it; it can be downloaded."""

    event_type: ClassVar[str] = "cn.ili.payments.e_invoice.issued.v1"


class EInvoiceFailed(EInvoiceEvent):
    """The issuer refused it, or the payment was refunded first; another one may be requested."""

    event_type: ClassVar[str] = "cn.ili.payments.e_invoice.failed.v1"


class EInvoiceRedLettered(EInvoiceEvent):
    """The invoice was reversed after a refund; another one may be requested for the rest."""

    event_type: ClassVar[str] = "cn.ili.payments.e_invoice.red_lettered.v1"


E_INVOICE_EVENTS: list[type[EInvoiceEvent]] = [EInvoiceRequested, EInvoiceIssued, EInvoiceFailed, EInvoiceRedLettered]


def event_of(event: type[EInvoiceEvent], invoice: EInvoice) -> EInvoiceEvent:
    return event(
        e_invoice_id=invoice.id,
        payment_id=invoice.payment_id,
        person_id=invoice.person_id,
        provider_id=invoice.provider_id,
        amount_fen=invoice.amount_fen,
        status=invoice.status,
    )
