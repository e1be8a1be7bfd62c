from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kit.fields.labels import Label
from svc_services.cases.case_migrations.models import MigrationStatus
from svc_services.cases.workflows.definition import Name


class NewCaseMigration(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    from_workflow_id: UUID
    to_workflow_id: UUID
    """Another published version of the same kinds."""
    state_names: dict[Name, Name | None] = Field(default_factory=dict, max_length=40)
    """What states of the first version are called in the other one, where that differs; with null, cases in this state
    stay with their version. Every state that does not end a case needs a counterpart or null."""
    reason: Label
    """Applicants whose promised day moves read it."""


class CaseMigration(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    migration_id: UUID
    from_workflow_id: UUID
    to_workflow_id: UUID
    state_names: dict[str, str | None]
    reason: Label
    status: MigrationStatus
    moved: int
    """Cases that were moved so far."""
    proposed_by: UUID
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None


class StayReason(StrEnum):
    """Why a case stays with its version."""

    STATE_LEFT = "state_left"
    """The migration says so of its state."""
    PAYMENT_MISSING = "payment_missing"
    """A fee is asked for, and in the other version's state no payment leads on."""
    ACCOUNT_MISSING = "account_missing"
    """The other version is for accounts that are bound to the applicant, and the case has none."""


class StayingCases(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    reason: StayReason
    """Expect further values within v1."""
    cases: int


class MigratingState(BaseModel):
    """The open cases of one state."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    from_state: str
    to_state: str | None
    moving: int
    late_at_once: int
    """Of those that move: they have used up more days than the other version promises."""
    staying: list[StayingCases]


class CaseMigrationPreview(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    migration_id: UUID
    moving: int
    staying: int
    states: list[MigratingState]
