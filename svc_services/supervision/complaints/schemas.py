from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from chassis.text import Line
from kit.fields.divisions import DivisionCode
from kit.fields.half_width import half_width
from svc_services.cases.applications.models import Flag
from svc_services.cases.materials.schemas import AttachedMaterial
from svc_services.fields import AccountNumber, Reason
from svc_services.supervision.complaints.models import (
    CallBackOutcome,
    ComplaintAction,
    ComplaintActor,
    ComplaintHandler,
    ComplaintSource,
    ComplaintStatus,
    ComplaintSubject,
)

_MOST_WORDS, _MOST_NAME = 2000, 50


def _half_width(value: object) -> object:
    return half_width(value) if isinstance(value, str) else value


Words = Annotated[Line, Field(max_length=_MOST_WORDS)]
Phone = Annotated[Line, Field(pattern=r"^\+?[0-9][0-9 -]{4,24}$"), BeforeValidator(_half_width)]
"""Mobile or fixed: it is called by people, and never sent a code."""


class NewComplaintContact(BaseModel):
    """Whom to call back."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(max_length=_MOST_NAME)]
    phone: Phone


class ComplaintContact(BaseModel):
    """Whom to call back."""

    name: str
    phone: str


class NewComplaint(BaseModel):
    """Of an application its id is enough; of everything else, the provider and the division too."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    subject: ComplaintSubject
    provider_id: UUID | None = None
    division_code: DivisionCode | None = None
    application_id: UUID | None = None
    account_number: AccountNumber | None = None
    bill_id: UUID | None = None
    payment_id: UUID | None = None
    words: Words
    """The company's people read them too, once the complaint is accepted."""
    contact: NewComplaintContact | None = None
    contact_shared: bool = Field(default=False, strict=True)
    """Whether the company's people see the contact too; staff of the office always does."""

    @model_validator(mode="after")
    def _require_one_subject(self) -> Self:
        of_application = self.subject == ComplaintSubject.APPLICATION
        wanted = {"application_id"} if of_application else {"provider_id", "division_code"}
        wanted |= {
            ComplaintSubject.ACCOUNT: {"account_number"},
            ComplaintSubject.BILL: {"bill_id"},
            ComplaintSubject.PAYMENT: {"payment_id"},
        }.get(self.subject, set())
        optional = ("provider_id", "division_code", "application_id", "account_number", "bill_id", "payment_id")
        if {name for name in optional if getattr(self, name) is not None} != wanted:
            raise ValueError("the references must be those of the subject")
        if self.contact_shared and self.contact is None:
            raise ValueError("contact_shared needs a contact")
        return self


class ComplaintWords(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    words: Words
    """The complainant and the company's people read them."""


class ComplaintAcceptance(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    handler: ComplaintHandler
    provider_id: UUID | None = None
    """Whom it is about, where the hotline named nobody."""
    words: Words | None = None


class ComplaintAssignment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    handler: ComplaintHandler
    words: Words


class NewComplaintCallBack(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    outcome: CallBackOutcome
    words: Reason
    """What the complainant said, without their name or number."""


class ComplaintEntry(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    action: ComplaintAction
    """Expect further actions within v1."""
    actor: ComplaintActor
    """Expect further actors within v1."""
    actor_id: UUID | None
    """Shown to staff alone."""
    outcome: CallBackOutcome | None
    words: str | None
    taken_at: datetime


class ComplaintSummary(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    complaint_id: UUID
    number: str
    hotline_number: str | None
    """Of the 12345 hotline, where it knows the complaint."""
    source: ComplaintSource
    """Expect further sources within v1."""
    provider_id: UUID | None
    division_code: str
    subject: ComplaintSubject
    """Expect further subjects within v1."""
    subject_verified: bool
    """False: this service cannot tell whether the bill or payment is the complainant's."""
    handler: ComplaintHandler | None
    status: ComplaintStatus
    consumed_days: int
    limit_days: int
    due_on: date
    """The last working day of the current step."""
    flag: Flag | None
    """`yellow`: four fifths of the limit are used up; `red`: it is over."""
    level: int
    """0: in time; 1: overdue, with the operators of the division; 2: with those of the prefecture."""
    dispute_until: date | None
    filed_at: datetime
    ended_at: datetime | None


class Complaint(ComplaintSummary):
    subject_ref: str | None
    """Id of the application, bill or payment, or number of the account."""
    words: str | None
    """Null once erased."""
    contact: ComplaintContact | None
    """Shown to the company's people only where the complainant allows it."""
    contact_shared: bool
    hotline_problem: str | None
    """Why the hotline is told nothing more; shown to staff alone."""
    actions: list[ComplaintAction]
    """What the complainant can do now."""
    materials: list[AttachedMaterial]
    """Files of the complainant; shown to the company's people only while the company handles the complaint."""
    entries: list[ComplaintEntry]
