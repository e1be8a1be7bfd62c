from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_services.cases.applications.models import Flag
from svc_services.supervision.complaints.models import (
    CallBackOutcome,
    ComplaintAction,
    ComplaintHandler,
    ComplaintSource,
    ComplaintStatus,
    ComplaintSubject,
)


class ComplaintMoved(Event):
    """A complaint was filed, decided, answered, called back about, or is late."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.complaint.moved.v1"
    key_field: ClassVar[str] = "complaint_id"

    complaint_id: UUID
    number: str
    source: ComplaintSource
    """Expect further sources within v1."""
    person_id: UUID | None
    """Null for a caller of the hotline."""
    provider_id: UUID | None
    division_code: str
    subject: ComplaintSubject
    """Expect further subjects within v1."""
    handler: ComplaintHandler | None
    action: ComplaintAction
    """Expect further actions within v1."""
    outcome: CallBackOutcome | None
    status: ComplaintStatus
    due_on: date
    flag: Flag | None
    level: int
    """0: in time; 1: overdue, with the operators of the division; 2: with those of the prefecture."""
