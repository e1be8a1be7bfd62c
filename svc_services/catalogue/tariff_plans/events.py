from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from kit.fields.labels import Label
from kit.tariffs.rules import TariffRules
from svc_services.reference.models import UtilityKind


class TariffPlanPublished(Event):
    """A tariff of components is published and applies from a day on."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.tariff_plan.published.v1"
    key_field: ClassVar[str] = "tariff_id"

    tariff_id: UUID
    provider_id: UUID
    kind: UtilityKind
    customer_class: str
    """A class of the kind; expect further classes within v1."""
    code: str
    """The plans of a class with the same code are versions of one plan."""
    name: Label
    effective_from: date
    rules: TariffRules
    """Expect further types of components within v1."""


class TariffPlanWithdrawn(TariffPlanPublished):
    """A published tariff of components is withdrawn before its day."""

    event_type: ClassVar[str] = "cn.ili.services.tariff_plan.withdrawn.v1"

    withdrawn_at: datetime
    replaced_by: UUID | None
    """The version that is published in its place."""
