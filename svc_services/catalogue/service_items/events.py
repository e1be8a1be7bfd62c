from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_services.reference.models import UtilityKind


class ServiceItemPublished(Event):
    """A service item is published; the one that it replaces ends with it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.service_item.published.v1"
    key_field: ClassVar[str] = "item_id"

    item_id: UUID
    provider_id: UUID
    utility_kind: UtilityKind
    application_kind: str
    """Expect further kinds within v1."""
    division_code: str | None
    version: int
    promised_days: int
    """Working days."""


class ServiceItemWithdrawn(ServiceItemPublished):
    """A published service item is withdrawn by its company."""

    event_type: ClassVar[str] = "cn.ili.services.service_item.withdrawn.v1"

    withdrawn_at: datetime
