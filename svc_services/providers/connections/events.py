from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from kit.fields.customer_parameters import CustomerParameters
from svc_services.reference.models import UtilityKind


class ProviderEvent(Event):
    """A provider's connection as it is after a change; of two events the one with the higher revision is newer."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    key_field: ClassVar[str] = "provider_id"

    provider_id: UUID
    revision: int
    """Rises with each change; 0 is the connection as approved."""
    kind: UtilityKind
    name: str
    """The company's, never a person's."""
    uscc: str
    division_codes: list[str]
    endpoint_url: str
    jwks: dict[str, Any]
    """The keys that have not been ended; one with `nbf` or `exp` (seconds since 1970) is good from or until then."""
    jwks_uri: str | None
    """Where its keys are fetched from by svc_services."""
    ended_keys: list[str]
    """RFC 7638 thumbprints of the keys ended in the last day; access tokens issued by them are refused."""
    suspended_at: datetime | None
    customer_parameters: CustomerParameters
    """How its account numbers look."""


class ProviderSuspended(ProviderEvent):
    """A provider's connection is suspended: its client is refused, and nothing is sent to its endpoint."""

    event_type: ClassVar[str] = "cn.ili.services.provider.suspended.v1"


class ProviderResumed(ProviderEvent):
    """A suspended provider's connection works again."""

    event_type: ClassVar[str] = "cn.ili.services.provider.resumed.v1"


class ProviderUpdated(ProviderEvent):
    """A provider's keys, its endpoint or its customer parameters have changed."""

    event_type: ClassVar[str] = "cn.ili.services.provider.updated.v1"


CONNECTION_EVENTS = (ProviderSuspended, ProviderResumed, ProviderUpdated)
