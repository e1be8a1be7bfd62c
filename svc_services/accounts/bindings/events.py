from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class AccountBindingActivated(Event):
    """A person has been verified as the holder of a utility account."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.account_binding.activated.v1"
    key_field: ClassVar[str] = "binding_id"

    binding_id: UUID
    person_id: UUID
    provider_id: UUID
    account_number: str
    role: str
    """`owner`; expect further roles within v1."""
    held_from: date | None
    """The first day of the present holder, whose bills are those since; null where no change was ever reported."""


class AccountBindingEnded(Event):
    """A person no longer has a utility account."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.account_binding.ended.v1"
    key_field: ClassVar[str] = "binding_id"

    binding_id: UUID
    person_id: UUID
    provider_id: UUID
    account_number: str
    held_until: date | None
    """Where the account changed hands: the last day as its holder, whose bills until then stay visible. Null where the
    person ended the binding."""
