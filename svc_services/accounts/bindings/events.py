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


class AccountBindingEnded(Event):
    """A person no longer has a utility account."""

    event_type: ClassVar[str] = "cn.ili.services.account_binding.ended.v1"
    key_field: ClassVar[str] = "binding_id"

    binding_id: UUID
    person_id: UUID
    provider_id: UUID
    account_number: str
