"""The trail of a payment: created, pending, captured, completed; unknown in between, or failed or expired.

Money may be refunded after its capture: then it is reversing, and refunded or, after a part, completed again.
"""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.payments.open_payments import OpenPayment


class PaymentEvent(Event):
    """The fields of every payment event."""

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
    """The payment's status after the event; expect further values within v1."""
    held: bool
    """Whether the money is in suspense because the bills could no longer be paid."""
    refunded_fen: int = 0
    """Refunded to the payer so far."""


class PaymentCreated(PaymentEvent):
    """A resident has begun a payment; its bills are reserved."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.created.v1"


class PaymentPending(PaymentEvent):
    """The resident has confirmed; an order at the channel waits for the money."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.pending.v1"


class PaymentUnknown(PaymentEvent):
    """The outcome at the channel is unknown; it is polled until it is known."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.unknown.v1"


class PaymentCaptured(PaymentEvent):
    """The money has arrived and is in the ledger."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.captured.v1"


class PaymentPostingRefused(PaymentEvent):
    """The provider did not book one of the bills; its money is refunded automatically."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.posting_refused.v1"


class PaymentPostingUnanswered(PaymentEvent):
    """The provider did not answer within its time; the money is refunded automatically."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.posting_unanswered.v1"


class PaymentReversing(PaymentEvent):
    """A refund of the payment is in progress; refund events have the amount and the reason."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.reversing.v1"


class PaymentRefunded(PaymentEvent):
    """All of the money is refunded."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.refunded.v1"


class PaymentCompleted(PaymentEvent):
    """The provider has booked every bill that was not refunded; published again after a later partial refund."""

    event_type: ClassVar[str] = "cn.ili.payments.payment.completed.v1"


class PaymentFailed(PaymentEvent):
    """The channel refused the order; the bills are due again."""

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
    PaymentPostingUnanswered,
    PaymentReversing,
    PaymentRefunded,
    PaymentCompleted,
    PaymentFailed,
    PaymentExpired,
]


def event_of(event: type[PaymentEvent], payment: Payment | OpenPayment) -> PaymentEvent:
    """An event with its fields of a payment."""
    return event(
        payment_id=payment.id,
        person_id=payment.person_id,
        provider_id=payment.provider_id,
        bill_ids=payment.bill_ids,
        amount_fen=payment.amount_fen,
        channel=payment.channel,
        status=payment.status,
        held=payment.held,
        refunded_fen=payment.refunded_fen,
    )
