from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis.text import Line
from svc_miniapps.publishing.complaints.models import AppComplaint as AppComplaintRow
from svc_miniapps.publishing.complaints.models import AppComplaintStatus, ComplaintKind

Words = Annotated[Line, Field(max_length=1000)]


class NewAppComplaint(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    app_id: UUID
    kind: ComplaintKind
    words: Words
    """The app's team reads them."""
    contact: Annotated[Line, Field(max_length=100)] | None = None
    """A phone or an address, for operators."""
    contact_shared: bool = Field(default=False, strict=True)
    """Whether the team sees the contact too. Without it the team never learns who complains."""

    @model_validator(mode="after")
    def _has_contact(self) -> Self:
        if self.contact_shared and self.contact is None:
            raise ValueError("contact_shared needs a contact")
        return self


class AppComplaintWords(BaseModel):
    """An answer, an appeal or a decision; the other side reads it."""

    model_config = ConfigDict(extra="forbid")

    words: Words


class AppComplaint(BaseModel):
    """A complaint about a mini-app."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    complaint_id: UUID
    number: str
    """To be named in any other conversation about it."""
    app_id: UUID
    kind: ComplaintKind
    words: str | None
    """Null once the account of the complainant was closed."""
    contact: str | None
    """For the complainant, operators, and a team with which it is shared."""
    contact_shared: bool
    status: AppComplaintStatus
    filed_at: datetime
    due_on: date
    """The last day for the team's answer; a day later operators see the complaint as late."""
    escalated_at: datetime | None
    answer: str | None
    answered_at: datetime | None
    appeal: str | None
    appealed_at: datetime | None
    decision: str | None
    decided_at: datetime | None

    @classmethod
    def of(cls, complaint: AppComplaintRow, *, for_team: bool = False) -> "AppComplaint":
        names = cls.model_fields.keys() - {"complaint_id", "contact"}
        is_hidden = for_team and not complaint.contact_shared
        values = {name: getattr(complaint, name) for name in names}
        return cls(complaint_id=complaint.id, contact=None if is_hidden else complaint.contact, **values)
