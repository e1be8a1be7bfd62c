from typing import ClassVar
from uuid import UUID

from chassis.outbox import Event
from svc_services.account_bindings.models import Role


class AccountBindingActivated(Event):
    """A person has been verified as the holder of a utility account."""

    event_type: ClassVar[str] = "cn.ili.services.account_binding.activated.v1"
    key_field: ClassVar[str] = "binding_id"

    binding_id: UUID
    person_id: UUID
    provider_id: UUID
    account_number: str
    role: Role


class AccountBindingEnded(Event):
    """A person no longer has a utility account."""

    event_type: ClassVar[str] = "cn.ili.services.account_binding.ended.v1"
    key_field: ClassVar[str] = "binding_id"

    binding_id: UUID
    person_id: UUID
    provider_id: UUID
    account_number: str
