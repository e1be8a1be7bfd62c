from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from chassis.text import Line
from svc_identity.fields import Phone, Until
from svc_identity.organisations.models import CompanyRole, CounterRole, Role, SecurityRole
from svc_identity.organisations.role_changes.models import Action, Status

Reason = Annotated[Line, Field(min_length=2, max_length=500, description="Kept with the change and shown to auditors.")]


class NewHolder(BaseModel):
    """Who is to hold a role, and where."""

    organisation_id: UUID
    phone: Phone
    until: Until = None
    reason: Reason


class NewGrant(NewHolder):
    action: Literal[Action.GRANT]
    role: Role | CounterRole | SecurityRole | CompanyRole


class NewRenewal(BaseModel):
    """Keep a role for longer; at once where the role needs no second person."""

    action: Literal[Action.RENEWAL]
    organisation_id: UUID
    membership_id: UUID
    until: Until = None
    reason: Reason


class NewRemoval(BaseModel):
    action: Literal[Action.REMOVAL]
    organisation_id: UUID
    membership_id: UUID
    reason: Reason


NewRoleChange = Annotated[NewGrant | NewRenewal | NewRemoval, Field(discriminator="action")]


class RoleChange(BaseModel):
    """A role granted, renewed, removed or expired, or proposed to be. Phone and name of the person are masked."""

    role_change_id: UUID
    action: Action
    status: Status
    organisation_id: UUID
    person_id: UUID
    phone: str = Field(examples=["138****0001"])
    name: str | None = Field(
        description="Null until the person has proved who they are, and to those who act for a company.",
        examples=["张*"],
    )
    role: str = Field(description="A role of members or of counter staff; expect further values within v1.")
    membership_id: UUID | None
    until: date | None = Field(description="The last day asked for; null is a year.")
    reason: str
    proposed_by: UUID | None = Field(
        description="Null for operators appointed by a command, and where a role expired or ended with a lost identity."
    )
    proposed_at: datetime
    expires_at: datetime = Field(description="A proposal that nobody decides until then comes to nothing.")
    decided_by: UUID | None
    decided_at: datetime | None
