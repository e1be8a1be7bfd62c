from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from chassis.text import Line
from kit.fields.divisions import DivisionCode
from kit.fields.half_width import half_width
from svc_services.cases.applications.models import Flag
from svc_services.fields import AccountNumber, Reason
from svc_services.supervision.complaints.models import (
    Actor,
    ComplaintAction,
    ComplaintStatus,
    Handler,
    Outcome,
    Source,
    Subject,
)

_MOST_WORDS, _MOST_NAME = 2000, 50


def _half_width(value: object) -> object:
    return half_width(value) if isinstance(value, str) else value


Words = Annotated[Line, Field(max_length=_MOST_WORDS)]
Phone = Annotated[Line, Field(pattern=r"^\+?[0-9][0-9 -]{4,24}$"), BeforeValidator(_half_width)]
"""Mobile or fixed: it is called by people, and never sent a code."""


class Contact(BaseModel):
    """Whom to call back."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(max_length=_MOST_NAME)]
    phone: Phone


class NewComplaint(BaseModel):
    """Of an application its id is enough; of everything else, the provider and the division too."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    subject: Subject
    provider_id: UUID | None = None
    division_code: DivisionCode | None = None
    application_id: UUID | None = None
    account_number: AccountNumber | None = None
    bill_id: UUID | None = None
    payment_id: UUID | None = None
    words: Words
    """The company's people read them too, once the complaint is accepted."""
    contact: Contact | None = None
    contact_shared: bool = Field(default=False, strict=True)
    """Whether the company's people see the contact too; staff of the office always does."""

    @model_validator(mode="after")
    def _require_one_subject(self) -> Self:
        of_application = self.subject == Subject.APPLICATION
        wanted = {"application_id"} if of_application else {"provider_id", "division_code"}
        wanted |= {
            Subject.ACCOUNT: {"account_number"},
            Subject.BILL: {"bill_id"},
            Subject.PAYMENT: {"payment_id"},
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


class Acceptance(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    handler: Handler
    provider_id: UUID | None = None
    """Whom it is about, where the hotline named nobody."""
    words: Words | None = None


class Assignment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    handler: Handler
    words: Words


class NewComplaintCallBack(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    outcome: Outcome
    words: Reason
    """What the complainant said, without their name or number."""


class ComplaintEntry(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    action: ComplaintAction
    """Expect further actions within v1."""
    actor: Actor
    """Expect further actors within v1."""
    actor_id: UUID | None
    """Shown to staff alone."""
    outcome: Outcome | None
    words: str | None
    taken_at: datetime


class ComplaintSummary(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    complaint_id: UUID
    number: str
    hotline_number: str | None
    """Of the 12345 hotline, where it knows the complaint."""
    source: Source
    """Expect further sources within v1."""
    provider_id: UUID | None
    division_code: str
    subject: Subject
    """Expect further subjects within v1."""
    subject_verified: bool
    """False: this service cannot tell whether the bill or payment is the complainant's."""
    handler: Handler | None
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
    contact: Contact | None
    """Shown to the company's people only where the complainant allows it."""
    contact_shared: bool
    hotline_problem: str | None
    """Why the hotline is told nothing more; shown to staff alone."""
    actions: list[ComplaintAction]
    """What the complainant can do now."""
    entries: list[ComplaintEntry]
