"""Workflows are proposed by one operator and published by another."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import NotFound, Problem
from kit.staff.second_person import require_second_holder
from svc_services.base import lock
from svc_services.cases.workflows import schemas
from svc_services.cases.workflows.checks import require_labels, require_sound
from svc_services.cases.workflows.forms import require_bounded
from svc_services.cases.workflows.models import ApplicationKind, Workflow, WorkflowStatus
from svc_services.reference.models import UtilityKind

HEATING_ALONE = frozenset(
    {
        *(ApplicationKind.HEATING_STOP, ApplicationKind.HEATING_START),
        *(ApplicationKind.TEMPERATURE_VISIT, ApplicationKind.HEATING_REBATE),
    }
)


class KindDoesNotFit(Problem):
    """Some kinds of application are of heating alone."""

    status, code = 422, "application_kind_does_not_fit"


async def propose(tx: AsyncSession, proposed_by: UUID, new: schemas.NewWorkflow) -> schemas.WorkflowProposal:
    """Keep a workflow that another operator may publish.

    Raises:
        BadWorkflow, BadFormSchema, KindDoesNotFit
    """
    workflow = checked(new)
    workflow.proposed_by = proposed_by
    tx.add(workflow)
    await tx.flush()
    return proposal(workflow)


def checked(new: schemas.NewWorkflow) -> Workflow:
    """A workflow that is sound; not stored yet."""
    if new.application_kind in HEATING_ALONE and new.utility_kind != UtilityKind.HEATING:
        raise KindDoesNotFit(kind=str(new.application_kind))
    require_sound(new.definition)
    require_bounded(new.form)
    require_labels(new.definition, new.form)
    return Workflow(
        utility_kind=new.utility_kind,
        application_kind=new.application_kind,
        status=WorkflowStatus.PROPOSED,
        definition=new.definition.model_dump(mode="json"),
        form=new.form,
    )


async def publish(tx: AsyncSession, caller: Caller, workflow_id: UUID) -> schemas.WorkflowProposal:
    """Publish what another operator proposed; what is filed from now on follows it."""
    workflow = await _locked(tx, workflow_id)
    await require_second_holder(tx, caller, workflow.proposed_by, since=workflow.proposed_at)
    await number(tx, workflow)
    workflow.decided_by = caller.id
    await tx.flush()
    return proposal(workflow)


async def number(tx: AsyncSession, workflow: Workflow) -> None:
    """Give a workflow the next version of its kinds."""
    await lock(tx, "workflow", workflow.utility_kind, workflow.application_kind)
    workflow.move_to(WorkflowStatus.PUBLISHED)
    newest = select(func.max(Workflow.version)).where(
        Workflow.utility_kind == workflow.utility_kind, Workflow.application_kind == workflow.application_kind
    )
    with tx.no_autoflush:
        workflow.version, workflow.decided_at = (await tx.scalar(newest) or 0) + 1, now()


async def reject(tx: AsyncSession, caller: Caller, workflow_id: UUID) -> schemas.WorkflowProposal:
    workflow = await _locked(tx, workflow_id)
    workflow.move_to(WorkflowStatus.REJECTED)
    workflow.decided_by, workflow.decided_at = caller.id, now()
    return proposal(workflow)


async def published(tx: AsyncSession, workflow_id: UUID) -> schemas.Workflow:
    workflow = await tx.get(Workflow, workflow_id)
    if workflow is None or workflow.version is None:
        raise NotFound
    return shown(workflow)


async def newest_of(tx: AsyncSession, utility_kind: str, application_kind: ApplicationKind) -> Workflow | None:
    """The workflow of what is filed now; None where there is none."""
    of_kinds = select(Workflow).where(
        Workflow.utility_kind == utility_kind,
        Workflow.application_kind == application_kind,
        Workflow.version.is_not(None),
    )
    newest: Workflow | None = await tx.scalar(of_kinds.order_by(Workflow.version.desc()).limit(1))
    return newest


async def _locked(tx: AsyncSession, workflow_id: UUID) -> Workflow:
    workflow = await tx.get(Workflow, workflow_id, with_for_update=True)
    if workflow is None:
        raise NotFound
    return workflow


def shown(workflow: Workflow) -> schemas.Workflow:
    same = ("utility_kind", "application_kind", "version", "form")
    return schemas.Workflow(
        workflow_id=workflow.id, definition=workflow.rules, **{name: getattr(workflow, name) for name in same}
    )


def proposal(workflow: Workflow) -> schemas.WorkflowProposal:
    same = ("utility_kind", "application_kind", "status", "version", "form")
    by = ("proposed_by", "proposed_at", "decided_by", "decided_at")
    return schemas.WorkflowProposal(
        workflow_id=workflow.id, definition=workflow.rules, **{name: getattr(workflow, name) for name in (*same, *by)}
    )
