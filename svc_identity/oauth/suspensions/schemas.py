from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from chassis.text import Line
from svc_identity.fields import Phone

Reason = Annotated[Line, Field(min_length=2, max_length=500, description="Kept with the suspension, for auditors.")]


class PersonToSuspend(BaseModel):
    subject: Literal["person"]
    person_id: UUID
    reason: Reason


class PhoneToSuspend(BaseModel):
    """The person who signs in with a phone."""

    subject: Literal["phone"]
    phone: Phone
    reason: Reason


class ClientToSuspend(BaseModel):
    """An app, or the systems of a company."""

    subject: Literal["client"]
    client_id: Annotated[Line, Field(min_length=1, max_length=200)]
    reason: Reason


NewSuspension = Annotated[PersonToSuspend | PhoneToSuspend | ClientToSuspend, Field(discriminator="subject")]


class Lifting(BaseModel):
    reason: Reason


class Suspension(BaseModel):
    """A person or a client without access."""

    suspension_id: UUID
    person_id: UUID | None = Field(description="Null where a client is suspended.")
    client_id: str | None = Field(description="Null where a person is suspended.")
    reason: str
    suspended_by: UUID
    suspended_at: datetime
    lift_reason: str | None
    lifted_by: UUID | None
    lifted_at: datetime | None = Field(description="Null while it lasts.")
