from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from chassis.text import Line
from svc_identity.fields import Phone
from svc_identity.organisations.enrolment.models import ResetStatus

Reason = Annotated[Line, Field(min_length=2, max_length=500, description="Kept in the trail.")]


class NewEnrolmentCode(BaseModel):
    phone: Phone
    reason: Reason


class EnrolmentCode(BaseModel):
    """Lets a member of staff set up a second factor when they sign in to the staff console."""

    person_id: UUID
    enrolment_code: str = Field(description="Shown once; good once.", examples=["7KQ2-M4XP-9RTB-VW3H"])
    expires_at: datetime


class NewFactorReset(BaseModel):
    phone: Phone
    reason: Reason


class FactorReset(BaseModel):
    """The second factors of a person who lost them are removed, or proposed to be."""

    factor_reset_id: UUID
    person_id: UUID
    status: ResetStatus
    reason: str
    proposed_by: UUID
    proposed_at: datetime
    expires_at: datetime = Field(description="Until when it can be approved.")
    decided_by: UUID | None
    decided_at: datetime | None


class ApprovedFactorReset(FactorReset):
    """With the code by which the person sets up a new factor."""

    enrolment_code: str = Field(description="Shown once; good once, within 24 hours.", examples=["7KQ2-M4XP-9RTB-VW3H"])
