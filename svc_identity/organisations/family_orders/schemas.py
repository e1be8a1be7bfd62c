from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.text import Line
from svc_identity.fields import IdNumber
from svc_identity.people.families.models import FamilyScope
from svc_identity.people.families.schemas import NewFamilyAccount
from svc_identity.people.family_orders.models import OrderStatus
from svc_identity.people.names import PersonName

Reason = Annotated[Line, Field(min_length=2, max_length=500)]


class NewFamilyOrder(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    organisation_id: UUID
    """Of the counter at which the clerk works."""
    name: PersonName
    """Of the person helped, who is present."""
    id_number: IdNumber
    consent_version: Annotated[str, Field(max_length=40, examples=["2026-12-01"])]
    """Of the privacy notice that the person has signed."""
    helper: NewFamilyAccount
    reason: Reason
    """What the clerk has seen, such as the document; names no person."""


class FamilyOrder(BaseModel):
    """All personal data is masked."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    family_order_id: Annotated[UUID, Field(validation_alias="id")]
    organisation_id: UUID
    helper_name: Annotated[str, Field(examples=["李*"])]
    helper_phone: Annotated[str, Field(validation_alias="phone_masked", examples=["138****0001"])]
    scopes: list[FamilyScope]
    day_limit_fen: int | None
    month_limit_fen: int | None
    valid_until: datetime
    status: OrderStatus
    reason: str
    ordered_by: UUID
    ordered_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    family_account_id: UUID | None
    """Once it is confirmed; the helper then accepts it."""
