"""The trail of a payment: created, pending, captured, completed; unknown in between, or failed or expired."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_payments.payments.models import Payment


class PaymentEvent(Event):
    """What every event of a payment says."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    key_field: ClassVar[str] = "payment_id"

    payment_id: UUID
    person_id: UUID
    provider_id: UUID
    bill_ids: list[UUID]
    amount_fen: int
    currency: Literal["CNY"] = "CNY"
    channel: str
    """`sandbox`; expect further channels within v1."""
    status: str
    """What the payment is now, in most events their own name; expect further values within v1."""
    held: bool
    """Whether the money is in suspense, because the bills could not take it any more."""


class PaymentCreated(PaymentEvent):
    """A resident wants to pay bills, which are reserved for it."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.created.v1"


class PaymentPending(PaymentEvent):
    """The resident has confirmed; an order at the channel waits for the money."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.pending.v1"


class PaymentUnknown(PaymentEvent):
    """The channel did not say what became of the order; it is asked until it does."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.unknown.v1"


class PaymentCaptured(PaymentEvent):
    """The money is here and in the ledger."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.captured.v1"


class PaymentPostingRefused(PaymentEvent):
    """The provider did not book one of the bills; the payment stays in posting until its money is given back."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.posting_refused.v1"


class PaymentCompleted(PaymentEvent):
    """The provider has booked every bill."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.completed.v1"


class PaymentFailed(PaymentEvent):
    """The channel would not take the order; the bills are due again."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.failed.v1"


class PaymentExpired(PaymentEvent):
    """It was not paid in time, or was cancelled; the bills are due again."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.expired.v1"


PAYMENT_EVENTS: list[type[PaymentEvent]] = [
    PaymentCreated,
    PaymentPending,
    PaymentUnknown,
    PaymentCaptured,
    PaymentPostingRefused,
    PaymentCompleted,
    PaymentFailed,
    PaymentExpired,
]


def told(event: type[PaymentEvent], payment: Payment) -> PaymentEvent:
    """An event with what it says of a payment."""
    return event(
        payment_id=payment.id,
        person_id=payment.person_id,
        provider_id=payment.provider_id,
        bill_ids=payment.bill_ids,
        amount_fen=payment.amount_fen,
        channel=payment.channel,
        status=payment.status,
        held=payment.held,
    )
