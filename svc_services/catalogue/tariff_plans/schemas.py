from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.text import Line
from kit.fields.labels import Label
from kit.tariffs.rules import Code, TariffRules
from svc_services.catalogue.tariff_plans.models import PlanStatus
from svc_services.fields import Day, Reason
from svc_services.reference.models import UtilityKind

Document = Annotated[Line, Field(max_length=100)]


class NewTariffProposal(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    kind: UtilityKind
    customer_class: Code
    """A class of the kind, see the customer classes."""
    code: Code
    """Tells the plans of a class apart, such as `base`; the same code is the next version of the same plan."""
    name: Label
    basis_document: Document
    """The number of the document that sets the price."""
    effective_from: Day
    """The first day, in China, on which the plan applies."""
    rules: TariffRules
    replaces: UUID | None = None
    """A published version of this plan that has not begun and is withdrawn when this one is published."""
    confirmed: bool = Field(default=False, strict=True)
    """Far or unusual values are meant: a start beyond two years, a price of 0, ten times the last or a tenth."""


class ProposalRefusal(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


class TariffPlan(BaseModel):
    """A published tariff of components."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    tariff_id: UUID
    provider_id: UUID
    kind: UtilityKind
    customer_class: str
    code: str
    name: Label
    basis_document: str
    version: int
    effective_from: date
    rules: TariffRules
    published_at: datetime
    withdrawn_at: datetime | None
    """When it was withdrawn, before its day: it never was in force."""
    replaced_by: UUID | None
    """The version that was published in its place."""


class TariffProposal(BaseModel):
    """A tariff of components as its company and the operators of its divisions see it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    tariff_id: UUID
    """Also the id of the plan when it is published."""
    provider_id: UUID
    kind: UtilityKind
    customer_class: str
    code: str
    name: Label
    basis_document: str
    effective_from: date
    rules: TariffRules
    status: PlanStatus
    replaces: UUID | None
    replaced_by: UUID | None
    version: int | None
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    refusal_reason: str | None
    withdrawn_at: datetime | None


class CustomerClassEntry(BaseModel):
    """A customer class of a kind of utility."""

    code: str
    name: Label


class CustomerClasses(BaseModel):
    items: list[CustomerClassEntry]
