"""Migrations are proposed by one operator and approved by another; a command carries them out."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import NotFound
from kit.staff.second_person import require_second_holder
from svc_services.cases.case_migrations import schemas
from svc_services.cases.case_migrations.models import CaseMigration, MigratedCase, MigrationStatus
from svc_services.cases.case_migrations.refusals import BadMapping, ClockStopped, MappingIncomplete, OtherWorkflow
from svc_services.cases.workflows.definition import WorkflowDefinition
from svc_services.cases.workflows.models import Workflow


async def propose(tx: AsyncSession, proposed_by: UUID, new: schemas.NewCaseMigration) -> schemas.CaseMigration:
    """Keep a migration that another operator may approve.

    Raises:
        OtherWorkflow, MappingIncomplete, BadMapping, ClockStopped
    """
    source = await tx.get(Workflow, new.from_workflow_id)
    target = await tx.get(Workflow, new.to_workflow_id)
    if source is None or target is None or _line(source) != _line(target) or source.id == target.id:
        raise OtherWorkflow
    if source.version is None or target.version is None:
        raise OtherWorkflow
    _require_counterparts(source.rules, target.rules, new.state_names)
    migration = CaseMigration(proposed_by=proposed_by, **new.model_dump(mode="python"))
    tx.add(migration)
    await tx.flush()
    return await shown(tx, migration)


async def approve(tx: AsyncSession, caller: Caller, migration_id: UUID) -> schemas.CaseMigration:
    """Approve another operator's migration; `python -m svc_services.cases.case_migrations` then carries it out."""
    migration = await _locked(tx, migration_id)
    await require_second_holder(tx, caller, migration.proposed_by, since=migration.proposed_at)
    migration.decide(MigrationStatus.APPROVED, caller.id)
    return await shown(tx, migration)


async def reject(tx: AsyncSession, caller: Caller, migration_id: UUID) -> schemas.CaseMigration:
    migration = await _locked(tx, migration_id)
    migration.decide(MigrationStatus.REJECTED, caller.id)
    return await shown(tx, migration)


async def shown(tx: AsyncSession, migration: CaseMigration) -> schemas.CaseMigration:
    moved = select(func.count()).where(MigratedCase.migration_id == migration.id)
    same = ("from_workflow_id", "to_workflow_id", "state_names", "reason", "status")
    by = ("proposed_by", "proposed_at", "decided_by", "decided_at")
    return schemas.CaseMigration(
        migration_id=migration.id,
        moved=await tx.scalar(moved) or 0,
        **{name: getattr(migration, name) for name in (*same, *by)},
    )


def _line(workflow: Workflow) -> tuple[str, str]:
    return workflow.utility_kind, workflow.application_kind


def _require_counterparts(
    source: WorkflowDefinition, target: WorkflowDefinition, names: Mapping[str, str | None]
) -> None:
    """Refuse a mapping by which a case would have no place, would end, or would be late no more."""
    running = {state.name for state in source.states if not state.ends}
    places = {state.name for state in target.states if not state.ends}
    if strange := sorted(set(names) - running):
        raise BadMapping(state=strange[0])
    for name in sorted(running):
        to = names.get(name, name)
        if name in names and to is not None and to not in places:
            raise BadMapping(state=to)
    if missing := sorted(name for name in running - set(names) if name not in places):
        raise MappingIncomplete(missing=missing)
    for name in sorted(running):
        to = names.get(name, name)
        if to is not None and target.state(to).stops_clock and not source.state(name).stops_clock:
            raise ClockStopped(state=name)


async def _locked(tx: AsyncSession, migration_id: UUID) -> CaseMigration:
    migration = await tx.get(CaseMigration, migration_id, with_for_update=True)
    if migration is None:
        raise NotFound
    return migration
