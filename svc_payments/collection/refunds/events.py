"""The trail of a refund: requested and decided by people, or started automatically; then where the money is."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.refunds.models import Refund


class RefundEvent(Event):
    """The fields of every refund event."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    key_field: ClassVar[str] = "refund_id"

    refund_id: UUID
    payment_id: UUID
    person_id: UUID
    provider_id: UUID
    bill_id: UUID | None
    """null when the money paid no bill."""
    amount_fen: int
    currency: Literal["CNY"] = "CNY"
    channel: str
    way: str
    """channel, counter or bank_transfer; expect further values within v1."""
    reason: str
    """Such as posting_refused or overcharged; expect further values within v1."""
    status: str
    """The refund's status after the event; expect further values within v1."""


class RefundRequested(RefundEvent):
    """The payer has requested a refund."""

    event_type: ClassVar[str] = "cn.ili.payments.refund.requested.v1"


class RefundProposed(RefundEvent):
    """An operator has proposed a refund; a second one decides."""

    event_type: ClassVar[str] = "cn.ili.payments.refund.proposed.v1"


class RefundRejected(RefundEvent):
    """The refund was rejected, or superseded by another one that gave back what it was for."""

    event_type: ClassVar[str] = "cn.ili.payments.refund.rejected.v1"


class RefundUnbooking(RefundEvent):
    """The provider has to reverse its booking before the money is returned."""

    event_type: ClassVar[str] = "cn.ili.payments.refund.unbooking.v1"


class RefundBookingKept(RefundEvent):
    """The provider keeps its booking; staff decide."""

    event_type: ClassVar[str] = "cn.ili.payments.refund.booking_kept.v1"


class RefundStarted(RefundEvent):
    """The money is on its way: to the channel, to a counter, or with a bank transfer."""

    event_type: ClassVar[str] = "cn.ili.payments.refund.started.v1"


class RefundUnknown(RefundEvent):
    """The outcome at the channel is unknown; it is polled until it is known."""

    event_type: ClassVar[str] = "cn.ili.payments.refund.unknown.v1"


class RefundAbnormal(RefundEvent):
    """The channel could not deliver the money; staff finish it at the channel, and it is polled meanwhile."""

    event_type: ClassVar[str] = "cn.ili.payments.refund.abnormal.v1"


class RefundRefunded(RefundEvent):
    """The payer has the money."""

    event_type: ClassVar[str] = "cn.ili.payments.refund.refunded.v1"


class RefundFailed(RefundEvent):
    """The channel could not refund it; staff choose another way."""

    event_type: ClassVar[str] = "cn.ili.payments.refund.failed.v1"


REFUND_EVENTS: list[type[RefundEvent]] = RefundEvent.__subclasses__()


def event_of(event: type[RefundEvent], refund: Refund, payment: Payment) -> RefundEvent:
    """An event with its fields of a refund."""
    return event(
        refund_id=refund.id,
        payment_id=payment.id,
        person_id=payment.person_id,
        provider_id=payment.provider_id,
        bill_id=refund.bill_id,
        amount_fen=refund.amount_fen,
        channel=payment.channel,
        way=refund.way,
        reason=refund.reason,
        status=refund.status,
    )
