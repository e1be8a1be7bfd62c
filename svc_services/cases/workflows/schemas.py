from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from svc_services.cases.workflows.definition import WorkflowDefinition
from svc_services.cases.workflows.models import ApplicationKind, WorkflowStatus
from svc_services.reference.models import UtilityKind


class NewWorkflow(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    utility_kind: UtilityKind
    application_kind: ApplicationKind
    definition: WorkflowDefinition
    form: dict[str, Any] = Field(examples=[{"type": "object", "properties": {}, "additionalProperties": False}])
    """JSON Schema of the form without `$ref`: objects, lists, texts, whole numbers, booleans, each of bounded size."""


class Workflow(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    workflow_id: UUID
    utility_kind: UtilityKind
    application_kind: ApplicationKind
    version: int
    """Cases keep the version by which they were filed."""
    definition: WorkflowDefinition
    form: dict[str, Any]


class WorkflowProposal(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    workflow_id: UUID
    utility_kind: UtilityKind
    application_kind: ApplicationKind
    status: WorkflowStatus
    version: int | None
    """Given when it is published."""
    definition: WorkflowDefinition
    form: dict[str, Any]
    proposed_by: UUID | None
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
