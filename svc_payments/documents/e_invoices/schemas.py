from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from chassis.text import Line
from kit.fields.uscc import uscc_fault
from svc_payments.documents.e_invoices import models

# What any mail server takes, without quotes and address literals, which much software misreads.
_EMAIL = r"^[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}$"

Title = Annotated[Line, StringConstraints(max_length=100)]


class PersonalTitle(BaseModel):
    """An invoice to a person."""

    kind: Literal["personal"]
    name: Title

    @property
    def code(self) -> None:
        return None


class OrganisationTitle(BaseModel):
    """An invoice to an organisation."""

    kind: Literal["organisation"]
    name: Title
    uscc: Annotated[str, Field(max_length=32, description="Unified social credit code, GB 32100.")]

    @field_validator("uscc")
    @classmethod
    def _is_code(cls, written: str) -> str:
        code = "".join(written.split()).upper()
        match uscc_fault(code):
            case "shape":
                raise ValueError(
                    "a unified social credit code is 18 digits and capital letters without I, O, S, V and Z"
                )
            case "check_character":
                raise ValueError("the check character of the unified social credit code does not fit")
        return code

    @property
    def code(self) -> str:
        return self.uscc


class NewEInvoice(BaseModel):
    payment_id: UUID
    title: Annotated[PersonalTitle | OrganisationTitle, Field(discriminator="kind")]
    email: Annotated[str | None, Field(max_length=254, pattern=_EMAIL)] = None


class EInvoice(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    e_invoice_id: UUID
    payment_id: UUID
    provider_id: UUID
    status: str
    """requested, unknown, issued, failed, reversing or red_lettered; expect further values within v1."""
    amount_fen: int
    """Paid less refunds at the time of the request."""
    currency: Literal["CNY"] = "CNY"
    title_kind: str
    """personal or organisation; expect further values within v1."""
    title: str
    uscc: str | None
    invoice_number: str | None
    document_url: str | None
    """Where the invoice can be downloaded, once it is issued."""
    red_invoice_number: str | None
    """The number of the red-letter invoice that reverses this one."""
    failure: str | None
    """Why it failed: the issuer's code, or payment_refunded."""
    created_at: datetime
    settled_at: datetime | None
    red_lettered_at: datetime | None


def shown(invoice: models.EInvoice) -> EInvoice:
    return EInvoice(
        e_invoice_id=invoice.id,
        payment_id=invoice.payment_id,
        provider_id=invoice.provider_id,
        status=invoice.status,
        amount_fen=invoice.amount_fen,
        title_kind=invoice.title_kind,
        title=invoice.title,
        uscc=invoice.uscc,
        invoice_number=invoice.invoice_number,
        document_url=invoice.document_url,
        red_invoice_number=invoice.red_invoice_number,
        failure=invoice.failure,
        created_at=invoice.created_at,
        settled_at=invoice.settled_at,
        red_lettered_at=invoice.red_lettered_at,
    )
