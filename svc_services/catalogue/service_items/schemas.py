from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kit.fields.divisions import DivisionCode
from svc_services.catalogue.service_items.content import ItemContent
from svc_services.catalogue.service_items.models import ItemStatus
from svc_services.fields import Reason
from svc_services.reference.models import UtilityKind

ApplicationKindCode = Annotated[str, Field(pattern="^[a-z][a-z_]{1,39}$")]
"""As the workflows have it, such as new_connection."""


class NewServiceItem(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    provider_id: UUID | None = None
    """Needed from people of a company; a system drafts its own."""
    application_kind: ApplicationKindCode
    """A kind of application that has a workflow, such as new_connection."""
    division_code: DivisionCode | None = None
    """A division of the company; null: all of its divisions that have no item of their own."""
    content: ItemContent


class ItemRefusal(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


class ItemWorkflow(BaseModel):
    """The steps to which the promised days belong."""

    workflow_id: UUID
    version: int


class _Item(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    item_id: UUID
    provider_id: UUID | None
    """null: the general guide, where a company has published none."""
    utility_kind: UtilityKind
    application_kind: str
    division_code: str | None
    content: ItemContent
    workflow: ItemWorkflow
    version: int | None
    """Counts the publications."""
    replaced_by: UUID | None


class ServiceItem(_Item):
    """A published service item with its guide."""

    published_at: datetime
    ended_at: datetime | None
    """When a later version replaced it or its company withdrew it."""


class ServiceItemProposal(_Item):
    """A service item as its company and the operators of its divisions see it."""

    status: ItemStatus
    proposed_by: UUID | None
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    refusal_reason: str | None
    ended_at: datetime | None
