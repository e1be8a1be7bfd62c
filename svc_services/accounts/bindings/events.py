from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_services.accounts.bindings.models import AccountBinding


class AccountBindingActivated(Event):
    """A person has been verified as the holder of a utility account, or was invited to it by its holder."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.account_binding.activated.v1"
    key_field: ClassVar[str] = "binding_id"

    binding_id: UUID
    person_id: UUID
    provider_id: UUID
    account_number: str
    role: str
    """`owner`, `family` or `tenant`; expect further roles within v1."""
    held_from: date | None
    """The first day of the present holder, whose bills are those since; null where no change was ever reported."""
    starts_on: date | None = None
    """Of a tenant: the first day of the tenancy; earlier bills are not shown."""
    access_until: date | None = None
    """Of an invited person: the last day of the access. Consumers refuse access after it, whether or not
    `account_binding.ended` has come."""


class AccountBindingProofDue(Event):
    """The holder of an account has to be verified anew, or the binding ends."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.account_binding.proof_due.v1"
    key_field: ClassVar[str] = "binding_id"

    binding_id: UUID
    person_id: UUID
    provider_id: UUID
    prove_by: date
    """The last day."""
    reason: str
    """`age` or `provider`; expect further reasons within v1."""


def activated(binding: AccountBinding, held_from: date | None) -> AccountBindingActivated:
    names = ("person_id", "provider_id", "account_number", "role", "starts_on", "access_until")
    fields = {name: getattr(binding, name) for name in names}
    return AccountBindingActivated(binding_id=binding.id, held_from=held_from, **fields)


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
