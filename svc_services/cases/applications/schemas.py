from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kit.fields.divisions import DivisionCode
from kit.fields.labels import Label
from svc_services.cases.applications.models import CaseStatus, Flag, MoveCause
from svc_services.cases.fees.models import FeeStatus
from svc_services.cases.materials.schemas import AttachedMaterial
from svc_services.cases.routings.schemas import CaseRouting
from svc_services.cases.workflows.definition import Actor, Name
from svc_services.cases.workflows.models import ApplicationKind
from svc_services.fields import AccountNumber, ClockTime, Day, Reason

_MOST_AMOUNT_FEN = 1_000_000_00
"""The largest bill."""


class NewApplication(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    provider_id: UUID
    kind: ApplicationKind
    division_code: DivisionCode
    account_number: AccountNumber | None = None
    """Where the workflow is for an account: one that is bound to the applicant."""
    form: dict[str, Any] = Field(default_factory=dict)
    """What is filled in so far."""


class DraftForm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    form: dict[str, Any]


class WantedAction(BaseModel):
    """An action of the case's state, with what the workflow says that it needs."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    action: Name
    reason: Reason | None = None
    """The applicant reads it."""
    appointment_on: Day | None = None
    appointment_from: ClockTime | None = None
    """Beijing time, with `appointment_to`; without hours, the appointment is for the day."""
    appointment_to: ClockTime | None = None
    amount_fen: int | None = Field(default=None, strict=True, ge=0, le=_MOST_AMOUNT_FEN)
    form: dict[str, Any] | None = None
    account_number: AccountNumber | None = None
    """Of the account that the provider has opened; it is bound to the applicant."""


class ApplicationFee(BaseModel):
    """A fee that the provider has quoted; the applicant alone sees and pays its bill."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    bill_id: UUID
    """To be paid at `/payments/v1/payments`; there a moment after the quote."""
    amount_fen: int
    status: FeeStatus
    payable_until: date | None
    """The last day of the quote."""
    withdrawn: bool
    """It is asked no longer; what was paid of it goes back by itself."""


class ApplicationStep(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    action: str
    actor: Actor
    actor_id: UUID | None
    """Shown to staff alone."""
    from_state: str | None
    to_state: str
    reason: str | None
    appointment_on: date | None
    appointment_from: ClockTime | None
    """Beijing time; null where the appointment is for the day."""
    appointment_to: ClockTime | None
    amount_fen: int | None
    taken_at: datetime


class ApplicationSummary(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    application_id: UUID
    case_number: str | None
    """The number for people, as on every paper; null for a draft. It stays when the case goes elsewhere."""
    counter_division_code: str | None
    """Of the counter where a clerk filed it for the applicant, who confirmed; null where it was filed online."""
    provider_id: UUID
    workflow_id: UUID
    kind: ApplicationKind
    division_code: str
    account_number: str | None
    status: CaseStatus
    state: str | None
    version: int
    """Its ETag."""
    consumed_days: int
    """Working days used up when the last step was taken."""
    extended_days: int
    """Working days by which the promise was extended."""
    clock_runs: bool
    promised_on: date | None
    """The last day of the promise; null while the clock stands."""
    calendar_note: Label | None
    """Set where the holidays of the promised day's year are not published yet, and weekdays were counted."""
    flag: Flag | None
    level: int
    claimed_until: datetime | None
    """Until when a clerk has the case for themselves."""
    assigned_to: UUID | None
    """The clerk to whom an operator has assigned it; shown to staff alone."""
    created_at: datetime
    submitted_at: datetime | None
    ended_at: datetime | None


class PromiseMove(BaseModel):
    """The promised day became another one."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    moved_from: date
    moved_to: date
    cause: MoveCause
    """Expect further causes within v1."""
    reason: Label | None
    """Of the corrected calendar, or of the migration to another version of the workflow; that of an extension is in its
    step."""
    moved_at: datetime


class Application(ApplicationSummary):
    held_by: Actor | None
    """Who has it now; null for a draft and when it has ended."""
    actions: list[str]
    """What the caller can do in this state."""
    fee: ApplicationFee | None
    """The last one that was quoted; null where none was, or nothing was to be paid."""
    form: dict[str, Any]
    materials: list[AttachedMaterial]
    steps: list[ApplicationStep]
    promise_moves: list[PromiseMove]
    """Why the promised day is another one than at first, in order."""
    routings: list[CaseRouting]
    """Where the case was before, in order."""
    labels: dict[str, Label]
    """What the states, actions and wanted materials are called; those of the form are in the workflow."""
