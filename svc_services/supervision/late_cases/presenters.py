from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from svc_services.cases.applications.models import Application, ApplicationStep
from svc_services.cases.workflows.definition import STAFF
from svc_services.cases.workflows.models import Workflow
from svc_services.supervision.late_cases import schemas

_SAME = ("case_number", "provider_id", "division_code", "kind", "state", "flag", "level", "consumed_days", "clock_runs")


async def shown(tx: AsyncSession, cases: Sequence[Application], *, named: bool) -> list[schemas.LateCase]:
    """Cases with their limits; with who handled them last if `named`."""
    limits = select(Workflow.id, Workflow.definition["limit_days"].as_integer())
    found = await tx.execute(limits.where(Workflow.id.in_({each.workflow_id for each in cases})))
    by_workflow = {row[0]: row[1] for row in found}
    handlers = await _handlers(tx, [each.id for each in cases]) if named else {}
    return [
        schemas.LateCase(
            application_id=case.id,
            limit_days=by_workflow[case.workflow_id] + case.extended_days,
            promised_on=case.promised_on if case.clock_runs else None,
            handled_by=handlers.get(case.id),
            submitted_at=case.submitted_at,
            **{name: getattr(case, name) for name in _SAME},
        )
        for case in cases
    ]


async def _handlers(tx: AsyncSession, cases: Sequence[UUID]) -> dict[UUID, UUID | None]:
    last = (
        select(ApplicationStep.application_id, ApplicationStep.actor_id)
        .where(ApplicationStep.application_id.in_(cases), ApplicationStep.actor.in_(sorted(STAFF)))
        .ext(distinct_on(ApplicationStep.application_id))
        .order_by(ApplicationStep.application_id, ApplicationStep.position.desc())
    )
    return {row[0]: row[1] for row in await tx.execute(last)}
