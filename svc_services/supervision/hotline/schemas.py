from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from kit.fields.divisions import DivisionCode
from svc_services.fields import Reason
from svc_services.supervision.complaints.models import (
    CallBackOutcome,
    ComplaintSource,
    ComplaintStatus,
    ComplaintSubject,
)
from svc_services.supervision.complaints.schemas import ComplaintContact, NewComplaintContact, Words

_NUMBER = r"^[0-9A-Za-z][0-9A-Za-z-]{0,39}$"
HotlineNumber = Annotated[str, Field(pattern=_NUMBER, examples=["12345-20260302-000017"])]
HotlineNumberInPath = Annotated[str, Path(pattern=_NUMBER)]


class HotlineHandOver(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    share_contact: bool = Field(default=False, strict=True)
    """Whether the hotline gets the contact of the complaint too, to call back."""


class NewHotlineTicket(BaseModel):
    """What somebody told the hotline on the phone."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    hotline_number: HotlineNumber
    division_code: DivisionCode
    provider_id: UUID | None = None
    """Whom it is about; null where the hotline cannot tell."""
    words: Words
    contact: NewComplaintContact | None = None
    """Only where the caller wants to be called back by us."""


class HotlineCallBack(BaseModel):
    """What the hotline heard when it called back."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reference: HotlineNumber
    """The hotline's number of this call: sent again, it is not recorded again."""
    outcome: CallBackOutcome
    words: Reason
    """What the complainant said, without their name or number."""


class CallBackResult(BaseModel):
    outcome: CallBackOutcome
    words: str | None
    taken_at: datetime


class HotlineTicketState(BaseModel):
    """Where a complaint stands, as both sides tell each other."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    number: str
    """Ours."""
    hotline_number: str | None
    """Null until the hotline has answered."""
    revision: int
    """It grows with each step; a lower one that comes later says nothing new."""
    source: ComplaintSource
    """Expect further sources within v1."""
    division_code: str
    provider: str | None
    """Its name."""
    subject: ComplaintSubject
    """Expect further subjects within v1."""
    status: ComplaintStatus
    """Expect further statuses within v1."""
    due_on: date
    answer: str | None
    """The last answer, or the reason of a refusal."""
    call_back: CallBackResult | None
    """The last one, by whoever made it."""
    filed_at: datetime
    ended_at: datetime | None


class HandedTicket(HotlineTicketState):
    """What is sent to the hotline: `PUT {url}/tickets/{number}`."""

    words: str | None
    """Of a complaint that the hotline did not take itself."""
    contact: ComplaintContact | None
    """Where the complainant wants to be called back by the hotline."""
