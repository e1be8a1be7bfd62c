from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kit.fields.divisions import DivisionCode
from svc_identity.fields import Name, Phone, Until, Uscc
from svc_identity.organisations.models import CounterRole, Kind, Role

_ENDS = "When the role ends unless it is renewed: a role change with the action `renewal`."


class NewOrganisation(BaseModel):
    uscc: Uscc
    name: Name
    kind: Kind
    division_code: DivisionCode


class Organisation(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    organisation_id: UUID = Field(validation_alias="id")
    uscc: str | None = Field(description="Null only for the platform's own organisation.")
    name: str
    kind: Kind
    division_code: str
    created_at: datetime


class NewMember(BaseModel):
    phone: Phone
    role: Role
    until: Until = None


class Member(BaseModel):
    """A membership; the phone is masked."""

    membership_id: UUID
    organisation_id: UUID
    person_id: UUID
    phone: str = Field(examples=["138****0001"])
    role: Role
    created_at: datetime
    expires_at: datetime = Field(description=_ENDS)


class NewCounterStaff(BaseModel):
    phone: Phone
    role: CounterRole
    until: Until = None


class CounterStaff(BaseModel):
    """A membership at a county's one-stop counter; the phone is masked."""

    membership_id: UUID
    organisation_id: UUID
    person_id: UUID
    phone: str = Field(examples=["138****0001"])
    role: str = Field(description="clerk or till_supervisor; expect further values within v1.")
    created_at: datetime
    expires_at: datetime = Field(description=_ENDS)


class StaffMember(CounterStaff):
    """A membership with any role; the phone is masked."""

    role: str = Field(description="Expect further values within v1.", examples=["security_officer"])
