"""Workflows of applications, by kind of utility and kind of application, in versions."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, inspect, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_services.base import Base
from svc_services.cases.workflows.definition import WorkflowDefinition
from svc_services.reference.models import UtilityKind

_PARSED: dict[UUID, WorkflowDefinition] = {}
_MOST_PARSED = 200


def _keep(workflow_id: UUID, rules: WorkflowDefinition) -> None:
    if len(_PARSED) == _MOST_PARSED:
        _PARSED.clear()
    _PARSED[workflow_id] = rules


class ApplicationKind(StrEnum):
    NEW_CONNECTION = "new_connection"
    TRANSFER = "transfer"
    CHANGE = "change"
    SUSPENSION = "suspension"
    RESUMPTION = "resumption"
    CLOSURE = "closure"
    FAULT_REPORT = "fault_report"
    HEATING_STOP = "heating_stop"
    HEATING_START = "heating_start"
    TEMPERATURE_VISIT = "temperature_visit"
    HEATING_REBATE = "heating_rebate"


class WorkflowStatus(StrEnum):
    PROPOSED = "proposed"
    PUBLISHED = "published"
    REJECTED = "rejected"


TRANSITIONS: dict[WorkflowStatus, set[WorkflowStatus]] = {
    WorkflowStatus.PROPOSED: {WorkflowStatus.PUBLISHED, WorkflowStatus.REJECTED},
    WorkflowStatus.PUBLISHED: set(),
    WorkflowStatus.REJECTED: set(),
}


class Workflow(Base):
    """A version of a workflow with its form; never edited: a later version serves what is filed from then on."""

    __tablename__ = "workflows"
    __table_args__ = (
        one_of("status", WorkflowStatus),
        one_of("application_kind", ApplicationKind),
        second_person_check("decided_by", "proposed_by", unless="status = 'rejected'"),
        CheckConstraint("(status = 'published') = (version IS NOT NULL)", name="version"),
        Index("uq_workflows_version", "utility_kind", "application_kind", "version", unique=True),
        Index("ix_workflows_proposed", "id", postgresql_where=text("status = 'proposed'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    utility_kind: Mapped[UtilityKind] = mapped_column(Text, ForeignKey("utility_kinds.kind"))
    application_kind: Mapped[ApplicationKind] = mapped_column(Text)
    status: Mapped[WorkflowStatus] = mapped_column(Text, default=WorkflowStatus.PROPOSED)
    version: Mapped[int | None]
    """Counts the publications of its kinds; the highest one is that of new applications."""
    definition: Mapped[dict[str, Any]] = mapped_column(JSONB)
    form: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """JSON Schema of what the applicant fills in."""
    proposed_by: Mapped[UUID | None]
    """NULL for those of the starter data."""
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    @property
    def rules(self) -> WorkflowDefinition:
        """The definition, parsed once in a process where it is stored: it is never edited."""
        if (rules := _PARSED.get(self.id)) is None:
            rules = WorkflowDefinition.model_validate(self.definition)
            if inspect(self).persistent:
                _keep(self.id, rules)
        return rules

    def move_to(self, status: WorkflowStatus) -> None:
        self.status = checked_move(TRANSITIONS, WorkflowStatus(self.status), status)
