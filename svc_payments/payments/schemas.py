from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from svc_payments.channels.provider import ChannelName
from svc_payments.payments import models

MOST_BILLS = 50


class NewPayment(BaseModel):
    """What to pay and how. How much is nobody's to say: it stands in the bills."""

    bill_ids: Annotated[set[UUID], Field(min_length=1, max_length=MOST_BILLS)]
    channel: ChannelName


class Confirmation(BaseModel):
    """How to pay, where the channel offers a choice; its usual way when nothing is said."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    method: Annotated[str, Field(pattern=r"^[a-z0-9]{1,16}$")] | None = None
    """Of the channel's methods, which `GET /payments/v1/channels` lists."""
    open_id: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")] | None = None
    """Who the payer is to our application in WeChat: `jsapi` needs it. It is passed on and not kept."""


class PaymentLine(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    bill_id: UUID
    amount_fen: int
    late_fee_fen: int
    """How much of the amount is a late fee."""


class Payment(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    payment_id: UUID
    provider_id: UUID
    bills: list[PaymentLine]
    amount_fen: int
    currency: Literal["CNY"] = "CNY"
    channel: str
    status: str
    """created, pending, unknown, captured, posting, completed, reversing, refunded, failed or expired; expect further
    values within v1."""
    held: bool
    """The money came when the bills could not take it any more; it is kept apart until it goes back."""
    refunded_fen: int
    """What has gone back to the payer."""
    method: str | None
    """How the resident pays at the channel, where it offers a choice."""
    pay_url: str | None
    """Where the resident pays, once the channel has said so: a page to open, or an address to show as a QR code."""
    pay_parameters: dict[str, str] | None
    """What the app gives the channel's SDK; or, beside `pay_url`, the fields of a form that a browser posts there."""
    created_at: datetime
    expires_at: datetime
    """Until when to confirm it; from then on, until when to pay it."""
    captured_at: datetime | None
    completed_at: datetime | None


def shown(payment: models.Payment) -> Payment:
    return Payment(
        payment_id=payment.id,
        provider_id=payment.provider_id,
        bills=[
            PaymentLine(bill_id=line.bill_id, amount_fen=line.amount_fen, late_fee_fen=line.late_fee_fen)
            for line in payment.lines
        ],
        amount_fen=payment.amount_fen,
        channel=payment.channel,
        status=payment.status,
        held=payment.held,
        refunded_fen=payment.refunded_fen,
        method=payment.attempt.method if payment.attempt else None,
        pay_url=payment.attempt.pay_url if payment.attempt else None,
        pay_parameters=payment.attempt.pay_parameters if payment.attempt else None,
        created_at=payment.created_at,
        expires_at=payment.expires_at,
        captured_at=payment.captured_at,
        completed_at=payment.completed_at,
    )
