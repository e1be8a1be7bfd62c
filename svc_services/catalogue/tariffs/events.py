from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.outbox import Event
from svc_services.reference.models import UtilityKind


class PublishedTier(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    up_to: str | None
    """A decimal string; null: no end."""
    unit_price: str
    """Yuan per unit, a decimal string."""


class TariffPublished(Event):
    """A provider has published a tariff that applies from a day on."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.tariff.published.v1"
    key_field: ClassVar[str] = "tariff_id"

    tariff_id: UUID
    provider_id: UUID
    kind: UtilityKind
    customer_class: str
    """Such as `residential`; expect further classes within v1."""
    unit: str
    """Such as `m3`; expect further units within v1."""
    effective_from: date
    tiers: list[PublishedTier]
    fixed_fee_fen: int


class TariffWithdrawn(TariffPublished):
    """A published tariff is withdrawn before its day; it has all that was published, for readers who missed that."""

    event_type: ClassVar[str] = "cn.ili.services.tariff.withdrawn.v1"

    withdrawn_at: datetime
    replaced_by: UUID | None
    """The tariff that is published in its place."""
