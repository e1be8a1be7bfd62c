from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from svc_services.cases.workflows.definition import PaperKind
from svc_services.cases.workflows.models import ApplicationKind


class AvailablePaper(BaseModel):
    """A paper that there is for a step of a case."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    position: int
    """Of the step, counted from 1; names the paper."""
    kind: PaperKind
    """Expect further kinds within v1."""
    action: str
    taken_at: datetime


class AvailablePapers(BaseModel):
    items: list[AvailablePaper]


class PaperVerification(BaseModel):
    """A genuine paper, for whoever holds it; it discloses nobody, and no account."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    kind: PaperKind
    """Expect further kinds within v1."""
    case_number: str
    application_kind: ApplicationKind
    """Expect further kinds within v1."""
    issuer: str
    issued_on: date
    language: str
    sha256: str
    """Of the PDF file, to compare with the one in hand."""
