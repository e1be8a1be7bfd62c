from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_services.providers.key_expiry.schemas import ToAct


class ProviderKeyExpiring(Event):
    """A key of a provider ends soon; emitted 30, 7 and 1 days before, and anew where its end is moved."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.provider.key_expiring.v1"
    key_field: ClassVar[str] = "provider_id"

    provider_id: UUID
    kid: str
    thumbprint: str
    """RFC 7638, SHA-256."""
    valid_until: datetime
    to_act: ToAct
    """Who can add the next key."""
