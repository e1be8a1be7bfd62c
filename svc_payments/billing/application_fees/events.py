from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class ApplicationFeeEvent(Event):
    """What has become of a fee of an application."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    key_field: ClassVar[str] = "fee_id"

    fee_id: UUID
    application_id: UUID
    provider_id: UUID
    bill_id: UUID
    """The same as the fee's."""
    amount_fen: int
    sequence: int
    """Counts the events of the fee, beginning with 1: one with a lower number than another is older."""


class ApplicationFeeReserved(ApplicationFeeEvent):
    """A payment of the fee has begun; whether it succeeds is not known yet."""

    event_type: ClassVar[str] = "cn.ili.payments.application_fee.reserved.v1"


class ApplicationFeeReleased(ApplicationFeeEvent):
    """The payment came to nothing, or its money went back because the provider did not book it."""

    event_type: ClassVar[str] = "cn.ili.payments.application_fee.released.v1"


class ApplicationFeePaid(ApplicationFeeEvent):
    """The fee is paid, and its provider has booked it."""

    event_type: ClassVar[str] = "cn.ili.payments.application_fee.paid.v1"


class ApplicationFeeRefunded(ApplicationFeeEvent):
    """All of a fee that was paid is with its payer again."""

    event_type: ClassVar[str] = "cn.ili.payments.application_fee.refunded.v1"


APPLICATION_FEE_EVENTS = (ApplicationFeeReserved, ApplicationFeeReleased, ApplicationFeePaid, ApplicationFeeRefunded)
