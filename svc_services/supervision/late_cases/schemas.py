from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_services.cases.applications.models import Flag
from svc_services.cases.workflows.models import ApplicationKind


class LateCase(BaseModel):
    """An open case that is near its limit or over it. Of the applicant it says nothing."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    application_id: UUID
    case_number: str
    provider_id: UUID
    division_code: str
    kind: ApplicationKind
    state: str
    flag: Flag
    """`yellow`: four fifths of a limit are used up; `red`: a limit is over."""
    level: int
    """0: who has the case; 1: operators of the division; 2: operators of the prefecture."""
    consumed_days: int
    limit_days: int
    """With those by which the promise was extended."""
    clock_runs: bool
    promised_on: date | None
    """Null while the clock stands."""
    handled_by: UUID | None
    """Who of staff took the last step; shown to staff alone."""
    submitted_at: datetime
