from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kit.fields.divisions import DivisionCode
from kit.fields.labels import Label, Note
from svc_services.cases.applications.schemas import Application, ApplicationSummary
from svc_services.cases.joint.models import JointStatus, SurveyFailure, SurveyStatus
from svc_services.cases.workflows.definition import LabelledName
from svc_services.cases.workflows.models import ApplicationKind
from svc_services.fields import AccountNumber, Day
from svc_services.reference.models import UtilityKind

MOST_BRANCHES, MOST_DAYS, MOST_MATERIALS = 6, 5, 20
Position = Annotated[str, Field(pattern="^[1-6]$")]


class WantedBranch(BaseModel):
    """What one company is asked for."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    provider_id: UUID
    kind: ApplicationKind
    account_number: AccountNumber | None = None
    """Where the workflow is for an account: one that is bound to the applicant."""


class JointForm(BaseModel):
    """What is filled in so far, as `form_schema` says."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    shared: dict[str, Any] = Field(default_factory=dict)
    """Asked once, and given to each company whose own form asks for it."""
    branches: dict[Position, dict[str, Any]] = Field(default_factory=dict, max_length=MOST_BRANCHES)
    """By the position of the branch, from 1: what differs between the forms of the companies."""


class JointDraft(BaseModel):
    """A joint application as far as it is filled in; saving it replaces all of it."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    division_code: DivisionCode
    branches: list[WantedBranch] = Field(min_length=2, max_length=MOST_BRANCHES)
    form: JointForm = Field(default_factory=JointForm)
    material_ids: list[UUID] = Field(default_factory=list, max_length=MOST_MATERIALS)
    """Files of the applicant, each given to the companies that ask for its kind."""


class ProposedDays(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    days: list[Day] = Field(min_length=1, max_length=MOST_DAYS)
    """After the last day for answers, which is the third working day after the first proposal."""
    days_off: Annotated[bool, Field(strict=True)] = False
    """Whether Saturdays, Sundays and holidays among them are meant."""


class SurveyAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    days: list[Day] = Field(max_length=MOST_DAYS)
    """The proposed days on which the company can come; none where it cannot."""
    days_off: Annotated[bool, Field(strict=True)] = False
    """Whether it comes on Saturdays, Sundays and holidays among them."""


class JointSurvey(BaseModel):
    """The search for one day on which all companies come."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: SurveyStatus
    days: list[date]
    due_on: date
    """The last day for answers."""
    agreed_on: date | None
    failure: SurveyFailure | None
    """Why each company makes an appointment of its own; expect further values within v1."""
    note: Note | None
    """The same in words."""
    answered: list[int]
    """The positions of the branches whose companies have answered."""


class WantedMaterial(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    kind: LabelledName
    required: bool
    positions: list[int]
    """The branches that ask for it."""


class JointBranch(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    position: int
    provider_id: UUID
    provider_name: str
    utility_kind: UtilityKind
    kind: ApplicationKind
    account_number: str | None
    application: Application | None
    """The case: its steps, who has it, its promised day and why that moved, and its fee. Null for a draft."""


class BranchResult(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    position: int
    provider_name: str
    utility_kind: UtilityKind
    application_id: UUID
    state: str
    result: Label
    """What the state is called."""


class JointResult(BaseModel):
    """The combined answer."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    edition: int
    """1 at first; another one follows where an appeal was decided."""
    branches: list[BranchResult]
    decided_at: datetime


class JointApplicationSummary(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    joint_application_id: UUID
    division_code: str
    status: JointStatus
    version: int
    """Its ETag."""
    created_at: datetime
    submitted_at: datetime | None
    ended_at: datetime | None


class JointApplication(JointApplicationSummary):
    branches: list[JointBranch]
    promised_on: date | None
    """The latest promised day of the open branches; null while the clock of one of them stands."""
    fees_due_fen: int
    """What is to be paid now, over all branches; each branch has its own bill."""
    survey: JointSurvey | None
    result: JointResult | None
    """Null while a branch is open."""
    form: JointForm
    """Of a draft; each branch has its part of it later."""
    form_schema: dict[str, Any] | None
    """JSON Schema of the form of a draft."""
    material_ids: list[UUID]
    wanted_materials: list[WantedMaterial]
    labels: dict[str, Label]
    """What fields, choices and materials of a draft are called."""


class ReceivedBranch(BaseModel):
    """Of another company: what it was asked for, and whether that is still open."""

    position: int
    provider_id: UUID
    provider_name: str
    utility_kind: UtilityKind
    kind: ApplicationKind
    open: bool


class ReceivedJointApplication(JointApplicationSummary):
    """A joint application as one of its companies sees it: without what the others' forms ask."""

    application_id: UUID
    """The company's own branch, at `/services/v1/received-applications`."""
    branches: list[ReceivedBranch]
    survey: JointSurvey | None
    own_days: list[date] | None
    """The company's answer; null where it has given none."""


class FiledBranch(BaseModel):
    position: int
    provider_name: str
    application: ApplicationSummary


class FiledJointApplication(JointApplicationSummary):
    """A joint application as staff sees it; forms and materials are with the cases."""

    branches: list[FiledBranch]
    promised_on: date | None
    survey: JointSurvey | None
    result: JointResult | None
