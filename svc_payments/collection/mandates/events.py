"""The trail of a mandate and of each bill it deducts; residents are notified of these."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_payments.collection.mandates.models import Debit, Mandate


class MandateEvent(Event):
    """The fields of every mandate event."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    key_field: ClassVar[str] = "mandate_id"

    mandate_id: UUID
    person_id: UUID
    provider_id: UUID
    channel: str
    status: str
    """The mandate's status after the event; expect further values within v1."""


class MandateRequested(MandateEvent):
    """A person has requested auto-pay for an account and has to sign at the channel."""

    event_type: ClassVar[str] = "cn.ili.payments.mandate.requested.v1"


class MandateActivated(MandateEvent):
    """The contract is signed, or a suspended mandate is resumed."""

    event_type: ClassVar[str] = "cn.ili.payments.mandate.activated.v1"


class MandateSuspended(MandateEvent):
    """The person has suspended it."""

    event_type: ClassVar[str] = "cn.ili.payments.mandate.suspended.v1"


class MandateExpired(MandateEvent):
    """The contract was not signed in time, or the channel refused it."""

    event_type: ClassVar[str] = "cn.ili.payments.mandate.expired.v1"


class MandateCancelled(MandateEvent):
    """The mandate has ended; nothing more is deducted."""

    event_type: ClassVar[str] = "cn.ili.payments.mandate.cancelled.v1"

    end_reason: str
    """person, binding_ended or channel; expect further values within v1."""


class DebitEvent(MandateEvent):
    """The fields of every deduction event."""

    bill_id: UUID
    payment_id: UUID | None
    amount_fen: int
    currency: Literal["CNY"] = "CNY"
    debit_on: date
    """The day of the deduction, in China."""


class DebitAnnounced(DebitEvent):
    """The bill will be deducted on that day. Published again when the amount changes."""

    event_type: ClassVar[str] = "cn.ili.payments.mandate.debit_announced.v1"


class DebitOverLimit(DebitEvent):
    """The bill is above the mandate's limit and is not deducted: the person has to pay it."""

    event_type: ClassVar[str] = "cn.ili.payments.mandate.debit_over_limit.v1"

    reason: str
    """above_limit or above_monthly_limit; expect further values within v1."""


class DebitOrdered(DebitEvent):
    """The deduction is requested from the channel."""

    event_type: ClassVar[str] = "cn.ili.payments.mandate.debit_ordered.v1"


class DebitPaid(DebitEvent):
    """The bill is paid."""

    event_type: ClassVar[str] = "cn.ili.payments.mandate.debit_paid.v1"


class DebitPostponed(DebitEvent):
    """The channel refused to deduct, for example for lack of funds; the deduction is retried on that day."""

    event_type: ClassVar[str] = "cn.ili.payments.mandate.debit_postponed.v1"

    reason: str
    """The channel's code, such as insufficient_funds."""


class DebitFailed(DebitEvent):
    """The bill is not deducted and not tried again: the person has to pay it."""

    event_type: ClassVar[str] = "cn.ili.payments.mandate.debit_failed.v1"

    reason: str
    """The channel's code, such as insufficient_funds, or the code of the platform's own refusal."""


MANDATE_EVENTS: list[type[MandateEvent]] = [
    MandateRequested,
    MandateActivated,
    MandateSuspended,
    MandateExpired,
    MandateCancelled,
    DebitAnnounced,
    DebitOverLimit,
    DebitOrdered,
    DebitPaid,
    DebitPostponed,
    DebitFailed,
]


def event_of(event: type[MandateEvent], mandate: Mandate, debit: Debit | None = None) -> MandateEvent:
    """An event with its fields of a mandate and of one of its debits."""
    fields = {
        "mandate_id": mandate.id,
        "person_id": mandate.person_id,
        "provider_id": mandate.provider_id,
        "channel": mandate.channel,
        "status": mandate.status,
        "end_reason": mandate.end_reason,
    }
    if debit is not None:
        fields |= {
            "bill_id": debit.bill_id,
            "payment_id": debit.payment_id,
            "amount_fen": debit.amount_fen,
            "debit_on": debit.debit_on,
            "reason": debit.reason,
        }
    return event.model_validate({name: value for name, value in fields.items() if name in event.model_fields})
