from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.text import Line
from svc_payments.billing.payees.models import Purpose
from svc_payments.billing.terms.terms import Fen
from svc_payments.settings.channels import ChannelName

SHORTEST_SECONDS, LONGEST_SECONDS, USUAL_SECONDS = 300, 7_200, 1_800
Number = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""A number that an app gives: of an order, or of a refund."""
Words = Annotated[Line, Field(max_length=120)]


class OrderDescription(BaseModel):
    """What is paid for, in the languages of the prefecture; one line each, without marks that turn its direction."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    zh: Words
    en: Words | None = None
    kk: Words | None = None
    """Kazakh, in Arabic script."""
    ug: Words | None = None


class NewAppOrder(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    order_number: Number
    """The app's own, used once. The same content again gets the same order."""
    payee_id: UUID
    purpose: Purpose
    openid: UUID
    """The resident, by the name that a login code gave for them to this app."""
    amount_fen: Fen
    description: OrderDescription
    expires_in_seconds: Annotated[int, Field(strict=True, ge=SHORTEST_SECONDS, le=LONGEST_SECONDS)] = USUAL_SECONDS
    """How long the resident may pay it."""


class AppOrderRefund(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    refund_id: UUID
    refund_number: str
    order_id: UUID
    amount_fen: int
    status: str
    """requested (an operator decides), unbooking, started, refunding, unknown, abnormal, refunded, failed, rejected or
    superseded; expect further values within v1."""
    created_at: datetime
    refunded_at: datetime | None


class AppOrder(BaseModel):
    """What the app's server sees of its order: nothing of the person but the openid that it gave."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    order_id: UUID
    order_number: str
    payee_id: UUID
    purpose: str
    openid: UUID
    amount_fen: int
    currency: Literal["CNY"] = "CNY"
    description: OrderDescription
    status: str
    """open, paying, paid, refunded, closed or expired; expect further values within v1."""
    refunded_fen: int
    """Back with the payer so far."""
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    """When the money arrived."""
    closing: bool
    """It closes unless its payment, which is under way, still succeeds."""
    changed_at: datetime


class NewAppOrderRefund(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    refund_number: Number
    """The app's own, used once over all its orders. The same content again gets the same refund."""
    amount_fen: Fen
    """The whole, or a part; several parts together at most what was paid."""
    reason: Annotated[Line, Field(max_length=200)]
    """Shown to the payer."""


class PresentedTicket(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ticket: Annotated[str, Field(max_length=4_096)] = Field(
        description="Of `POST /identity/v1/me/order-tickets`, for the mini-app that has shown the order."
    )


class OrderPayee(BaseModel):
    payee_id: UUID
    name: str
    uscc: str
    kind: str


class ResidentOrder(BaseModel):
    """What the resident confirms."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    order_id: UUID
    app_id: UUID
    app_name: str | None
    payee: OrderPayee
    purpose: str
    """parking_fee, library_deposit, exam_fee, tuition_fee, medical_fee, admission_fee, certificate_fee or
    administrative_fee; expect further values within v1."""
    description: OrderDescription
    amount_fen: int
    currency: Literal["CNY"] = "CNY"
    status: str
    payment_id: UUID | None
    """The payment that is under way, or that has paid it."""
    created_at: datetime
    expires_at: datetime
    digest: str
    """Of what is shown here. Send it with the confirmation: nothing else is then paid."""


class OrderConfirmation(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of the order as the resident was shown it."""
    channel: ChannelName
