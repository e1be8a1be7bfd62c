from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kit.fields.divisions import DivisionCode
from svc_identity.fields import Name, Phone, Until
from svc_identity.organisations.mandates.models import MandateScope, MandateStatus


class NewMandate(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    phone: Phone
    """The agent's; they need not be registered yet."""
    name: Name
    """As they prove it: nobody else who has this phone later can accept the mandate."""
    scopes: Annotated[list[MandateScope], Field(min_length=1, max_length=10)]
    division_codes: Annotated[list[DivisionCode], Field(min_length=1, max_length=50)]
    """Where; 654000 is the whole prefecture."""
    until: Until = None


class Mandate(BaseModel):
    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    mandate_id: Annotated[UUID, Field(validation_alias="id")]
    organisation_id: UUID
    phone: Annotated[str, Field(validation_alias="phone_masked", examples=["138****0001"])]
    agent_id: UUID | None
    """Who accepted it."""
    scopes: list[MandateScope]
    division_codes: list[str]
    valid_until: datetime
    status: MandateStatus
    proposed_by: UUID
    proposed_at: datetime
    accepted_at: datetime | None
    ended_by: UUID | None
    ended_at: datetime | None
