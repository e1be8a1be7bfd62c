from datetime import datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints, model_validator

from chassis.text import Instant
from svc_payments.billing.terms.terms import LARGEST_FEN
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.refunds import models
from svc_payments.collection.refunds.models import AT_CHANNEL, RefundReason, RefundStatus, RefundWay

Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=4, max_length=200, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")
]
# Two late fees as large as the largest bill are more than any line of a payment.
Fen = Annotated[StrictInt, Field(ge=1, le=3 * LARGEST_FEN)]
AskedReason = Literal[RefundReason.PAID_TWICE, RefundReason.WRONG_ACCOUNT, RefundReason.OVERCHARGED, RefundReason.OTHER]
DecidedReason = Literal[AskedReason, RefundReason.AGREED_WITH_PROVIDER]


class _Wanted(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    bill_id: UUID | None = None
    """The bill to refund; null for every bill of the payment."""
    amount_fen: Fen | None = None
    """The amount to refund; null for all that is left. Only with a bill."""
    note: Words
    """A reason in free text; the payer and staff read it."""

    @model_validator(mode="after")
    def _amount_of_a_bill(self) -> Self:
        if self.amount_fen is not None and self.bill_id is None:
            raise ValueError("an amount is of one bill; name the bill")
        return self


class NewRefundRequest(_Wanted):
    payment_id: UUID
    reason: AskedReason


class NewRefund(_Wanted):
    reason: DecidedReason


class Rejection(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    reason: Words
    """Why the refund is rejected; the payer reads it."""


class NewWay(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    way: Literal[RefundWay.CHANNEL, RefundWay.BANK_TRANSFER]
    """Again the way the money came, or by a bank transfer that staff make."""
    reason: Words
    """For the audit trail; no personal data."""


class Unpayable(BaseModel):
    reason: Words


class BankTransfer(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    reference: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{4,64}$")]
    """The bank's number of the transfer."""
    transferred_at: Instant


class Refund(BaseModel):
    """A refund as its payer sees it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    refund_id: UUID
    number: str
    """The refund's number at the channel and on the receipt."""
    payment_id: UUID
    bill_id: UUID | None
    """The bill that is refunded; null when the money paid no bill."""
    amount_fen: int
    currency: Literal["CNY"] = "CNY"
    channel: str
    reason: str
    """Such as posting_refused or overcharged; expect further values within v1."""
    note: str | None
    rejection: str | None
    """Why it was rejected."""
    way: str
    """channel, counter or bank_transfer; expect further values within v1."""
    status: str
    """requested, proposed, unbooking, booking_kept, started, refunding, unknown, abnormal, at_counter, by_transfer,
    refunded, failed, retried, rejected or superseded (by another refund); expect further values within v1."""
    expected_by: datetime | None
    """The time by which the payer usually has the money, while the channel is processing it."""
    created_at: datetime
    started_at: datetime | None
    refunded_at: datetime | None


class StaffRefund(Refund):
    """A refund as the deciding staff see it."""

    source: str
    """clearing, provider or suspense: the account that it is paid from; expect further values within v1."""
    person_id: UUID
    provider_id: UUID
    requested_by: UUID | None
    proposed_by: UUID | None
    approved_by: UUID | None
    retry_of: UUID | None
    reference: str | None
    """The channel's, counter's or bank's own number of the refund."""
    failure: str | None
    """The channel's code for the failure, or the reason given by staff."""


class StaffRefunds(BaseModel):
    items: list[StaffRefund]


class Refunds(BaseModel):
    items: list[Refund]


def shown(refund: models.Refund, payment: Payment, expected: timedelta) -> Refund:
    on_its_way = refund.status in AT_CHANNEL - {RefundStatus.ABNORMAL} and refund.started_at is not None
    return Refund(
        refund_id=refund.id,
        number=refund.number,
        payment_id=refund.payment_id,
        bill_id=refund.bill_id,
        amount_fen=refund.amount_fen,
        channel=payment.channel,
        reason=refund.reason,
        note=refund.note,
        rejection=refund.rejection,
        way=refund.way,
        status=refund.status,
        expected_by=refund.started_at + expected if on_its_way and refund.started_at else None,
        created_at=refund.created_at,
        started_at=refund.started_at,
        refunded_at=refund.refunded_at,
    )


def shown_to_staff(refund: models.Refund, payment: Payment, expected: timedelta) -> StaffRefund:
    return StaffRefund(
        **dict(shown(refund, payment, expected)),
        source=refund.source,
        person_id=payment.person_id,
        provider_id=payment.provider_id,
        requested_by=refund.requested_by,
        proposed_by=refund.proposed_by,
        approved_by=refund.approved_by,
        retry_of=refund.retry_of,
        reference=refund.reference,
        failure=refund.failure,
    )
