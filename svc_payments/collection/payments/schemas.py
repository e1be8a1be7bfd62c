from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from svc_payments.collection.payments import models
from svc_payments.collection.payments.allocation import MOST_BILLS
from svc_payments.parties.providers.account_numbers import AccountNumber
from svc_payments.settings.channels import ChannelName

LARGEST_PAYMENT_FEN = 1_000_000_000
Fen = Annotated[StrictInt, Field(ge=1, le=LARGEST_PAYMENT_FEN)]
"""Whole fen as a JSON number without a point; nothing else is an amount."""


class PaymentChoice(BaseModel):
    """What to pay: bills, each in full, or an amount on an account, which pays its oldest bills first.

    The amount of bills is computed from the bills: where bills are named, an amount is ignored. On an account it is
    a choice within what the provider's payment terms allow.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    bill_ids: Annotated[set[UUID], Field(min_length=1, max_length=MOST_BILLS)] | None = None
    provider_id: UUID | None = None
    account_number: AccountNumber | None = None
    amount_fen: Fen | None = None

    @model_validator(mode="after")
    def _bills_or_account(self) -> Self:
        if not self.bill_ids and None in (self.provider_id, self.account_number):
            raise ValueError("name bills, or a provider, an account number and an amount")
        return self


class NewPayment(PaymentChoice):
    channel: ChannelName
    expected_amount_fen: Fen | None = None
    """The amount that the payer was shown. If the amount due differs by now, the payment is refused."""

    @model_validator(mode="after")
    def _amount(self) -> Self:
        if not self.bill_ids and self.amount_fen is None:
            raise ValueError("name bills, or a provider, an account number and an amount")
        return self


class NewQuote(PaymentChoice):
    """Without an amount: everything due on the account."""


class QuotedLine(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    bill_id: UUID | None
    """null: money paid in advance, for which a bill is created with the payment."""
    kind: str
    """regular or advance; expect further values within v1."""
    bill_number: str | None
    period: str | None
    due_date: date | None
    owed_fen: int
    """The part paid of the bill itself."""
    late_fee_fen: int
    amount_fen: int
    """Bill and late fee together."""
    partial: bool
    """Whether an amount remains due afterwards."""


class QuotedChannel(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    channel: str
    least_fen: int
    most_fen: int
    """Of one payment."""
    usable: bool
    """Whether the amount is within these limits."""


class PaymentQuote(BaseModel):
    """What a payment would pay, and how; nothing is created or reserved."""

    provider_id: UUID
    lines: list[QuotedLine]
    amount_fen: int
    late_fee_fen: int
    currency: Literal["CNY"] = "CNY"
    channels: list[QuotedChannel]


class Confirmation(BaseModel):
    """The payment method, where the channel offers a choice; by default its usual one."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    method: Annotated[str, Field(pattern=r"^[a-z0-9]{1,16}$")] | None = None
    """One of the channel's methods that `GET /payments/v1/channels` lists."""
    open_id: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")] | None = None
    """The payer's id in the platform's WeChat application, needed by `jsapi`. It is passed on and not kept."""


class Prepaid(BaseModel):
    """What the provider issued for a top-up of a prepaid meter; shown to the payer only."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    kind: str
    """token or write_card; expect further values within v1."""
    token: str | None
    """The token to key into the meter."""
    state: str | None
    """For a card: to_write until a terminal of the provider has written it, then written; expect further values."""


class PaymentLine(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    bill_id: UUID
    amount_fen: int
    late_fee_fen: int
    """How much of the amount is a late fee."""
    prepaid: Prepaid | None
    """null: the provider has not booked it yet, or issued nothing for it."""


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
    """The money arrived when the bills could no longer be paid; it is held in suspense until it is refunded."""
    refunded_fen: int
    """Refunded to the payer so far."""
    method: str | None
    """The payment method, where the channel offers a choice."""
    pay_url: str | None
    """Where the resident pays, once the channel has answered: a page to open, or an address to show as a QR code."""
    pay_parameters: dict[str, str] | None
    """Parameters for the channel's SDK; or, beside `pay_url`, the fields of a form that a browser posts there."""
    created_at: datetime
    expires_at: datetime
    """The deadline to confirm it; once confirmed, the deadline to pay it."""
    captured_at: datetime | None
    completed_at: datetime | None


def shown(payment: models.Payment, handed_out: Mapping[UUID, Prepaid] | None = None) -> Payment:
    """A payment with the tokens and cards issued for its bills."""
    handed_out = handed_out or {}
    return Payment(
        payment_id=payment.id,
        provider_id=payment.provider_id,
        bills=[
            PaymentLine(
                bill_id=line.bill_id,
                amount_fen=line.amount_fen,
                late_fee_fen=line.late_fee_fen,
                prepaid=handed_out.get(line.bill_id),
            )
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
