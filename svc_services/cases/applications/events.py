from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_services.cases.applications.models import Flag
from svc_services.cases.workflows.definition import Actor
from svc_services.cases.workflows.models import ApplicationKind


class ApplicationMoved(Event):
    """A case has taken a step; the first one is `submit`."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.application.moved.v1"
    key_field: ClassVar[str] = "application_id"

    application_id: UUID
    person_id: UUID
    provider_id: UUID
    division_code: str
    case_number: str
    """The number of the case for people; it stays when the case goes to another division or provider."""
    kind: ApplicationKind
    """Expect further kinds within v1."""
    version: int
    action: str
    actor: Actor
    from_state: str | None
    to_state: str
    ended: bool
    promised_on: date | None
    """Null while the clock stands, and when the case has ended."""
    taken_at: datetime


class ApplicationFlagged(Event):
    """A case is near its limit, over it, or has risen to the next level."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.application.flagged.v1"
    key_field: ClassVar[str] = "application_id"

    application_id: UUID
    case_number: str
    provider_id: UUID
    division_code: str
    kind: ApplicationKind
    """Expect further kinds within v1."""
    state: str
    flag: Flag
    level: int
    """0: who has the case; 1: operators of the division; 2: operators of the prefecture."""
    consumed_days: int
    promised_on: date | None
