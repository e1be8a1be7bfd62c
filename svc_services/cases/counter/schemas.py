from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kit.fields.divisions import DivisionCode
from kit.fields.labels import Label
from svc_services.cases.applications.models import CaseStatus
from svc_services.cases.counter.models import FilingStatus
from svc_services.cases.workflows.definition import LabelledName
from svc_services.cases.workflows.models import ApplicationKind
from svc_services.fields import AccountNumber


class NewCounterFiling(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    counter_division_code: DivisionCode
    """Of the counter; the clerk's role reaches it."""
    provider_id: UUID
    kind: ApplicationKind
    division_code: DivisionCode
    """Where the case belongs; its office has the case, whichever counter takes it in."""
    account_number: AccountNumber | None = None
    form: dict[str, Any] = Field(default_factory=dict)


class FilingForm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    form: dict[str, Any]


class FilingMaterial(BaseModel):
    material_id: UUID
    kind: LabelledName
    media_type: str
    length: int
    sha256: str


class TakenInCase(BaseModel):
    """What the counter that took a case in sees of it: where it stands, and nothing that was filed."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    application_id: UUID
    case_number: str
    provider_id: UUID
    division_code: str
    status: CaseStatus
    state: str
    state_label: Label | None
    promised_on: date | None
    """Null while the clock stands."""


class CounterFilingSummary(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    filing_id: UUID
    counter_division_code: str
    provider_id: UUID
    kind: ApplicationKind
    division_code: str
    status: FilingStatus
    offered_until: datetime | None
    case: TakenInCase | None
    """Once it is filed."""
    created_at: datetime


class CounterFiling(CounterFilingSummary):
    account_number: str | None
    form: dict[str, Any]
    """Empty once it is filed or has ended."""
    version: int
    """Its ETag."""
    materials: list[FilingMaterial]


class CounterOffer(BaseModel):
    """The clerk shows the code as a QR code, or the person types it into their app."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    filing: CounterFiling
    code: str
    """It names nobody, opens this filing only, and ends with its confirmation, any change, or its time."""


class TypedMatchNumber(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    match_number: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]
    """What the person's phone shows."""


class TypedCounterCode(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    code: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    """Scanned, or typed with or without hyphens."""


class ReadContent(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of the content that the person has read."""


class FilingContent(BaseModel):
    """Exactly what would be filed."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    account_number: str | None
    form: dict[str, Any]
    materials: list[FilingMaterial]
    labels: dict[str, Label]
    """What the fields of the form and the materials are called."""
    digest: str
    """SHA-256 of all that would be filed; the confirmation names it."""


class CounterConfirmation(BaseModel):
    """A filing as the person sees it who confirms it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    filing_id: UUID
    counter_division_code: str
    provider_id: UUID
    kind: ApplicationKind
    division_code: str
    status: FilingStatus
    match_number: str | None
    """Shown until the clerk has typed it."""
    offered_until: datetime | None
    content: FilingContent | None
    """Once the clerk has typed the number."""
    application_id: UUID | None
    """Once it is filed."""
