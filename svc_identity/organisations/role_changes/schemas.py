from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from chassis.text import Line
from svc_identity.fields import Phone
from svc_identity.organisations.models import CounterRole, Role
from svc_identity.organisations.role_changes.models import Action, Status

Reason = Annotated[Line, Field(min_length=2, max_length=500, description="Kept with the change and shown to auditors.")]


class NewGrant(BaseModel):
    action: Literal[Action.GRANT]
    organisation_id: UUID
    phone: Phone
    role: Role | CounterRole
    reason: Reason


class NewRemoval(BaseModel):
    action: Literal[Action.REMOVAL]
    organisation_id: UUID
    membership_id: UUID
    reason: Reason


NewRoleChange = Annotated[NewGrant | NewRemoval, Field(discriminator="action")]


class RoleChange(BaseModel):
    """A role granted or removed, or proposed to be. Phone and name of the person are masked."""

    role_change_id: UUID
    action: Action
    status: Status
    organisation_id: UUID
    person_id: UUID
    phone: str = Field(examples=["138****0001"])
    name: str | None = Field(description="Null until the person has proved who they are.", examples=["张*"])
    role: str = Field(description="A role of members or of counter staff; expect further values within v1.")
    membership_id: UUID | None
    reason: str
    proposed_by: UUID | None = Field(description="Null for the first operators, appointed by a command on the server.")
    proposed_at: datetime
    expires_at: datetime = Field(description="A proposal that nobody decides until then comes to nothing.")
    decided_by: UUID | None
    decided_at: datetime | None
