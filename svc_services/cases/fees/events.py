from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class ApplicationFeeEvent(Event):
    """A fee that a provider has quoted for an application."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    key_field: ClassVar[str] = "fee_id"

    fee_id: UUID
    application_id: UUID
    person_id: UUID
    """The applicant, who alone may pay it."""
    provider_id: UUID
    amount_fen: int


class ApplicationFeeQuoted(ApplicationFeeEvent):
    """The applicant is asked for the fee; its payment moves the case on."""

    event_type: ClassVar[str] = "cn.ili.services.application_fee.quoted.v1"

    payable_until: date | None
    """The last day, in China; null where the workflow sets no limit."""


class ApplicationFeeWithdrawn(ApplicationFeeEvent):
    """The fee is asked no longer, and what was paid of it goes back: a later quote replaced it, or the case ended."""

    event_type: ClassVar[str] = "cn.ili.services.application_fee.withdrawn.v1"
