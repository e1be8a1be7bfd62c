"""Who of staff may not decide a case."""

from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.approvals import SecondPersonNeeded
from svc_services.cases.applications.models import Application, ApplicationStep
from svc_services.cases.case_migrations.versions import versions_of
from svc_services.cases.workflows.definition import WorkflowAction


async def require_independent(
    tx: AsyncSession, case: Application, action: WorkflowAction, actor_id: UUID | None
) -> None:
    """Refuse staff who would decide on their own case, or on an appeal from their own step or in what they took in.

    Steps before the last decision of this sort do not count: else nobody would be left who may decide.

    Raises:
        SecondPersonNeeded
    """
    if actor_id == case.person_id:
        raise SecondPersonNeeded
    if not action.another_person:
        return
    if actor_id == case.taken_in_by:
        raise SecondPersonNeeded
    of_case = ApplicationStep.application_id == case.id
    decisions = (await versions_of(tx, case)).by_another_person
    last = select(func.max(ApplicationStep.position)).where(of_case, ApplicationStep.action.in_(decisions))
    since = await tx.scalar(last) or 0
    taken = exists().where(of_case, ApplicationStep.actor_id == actor_id, ApplicationStep.position >= since)
    if await tx.scalar(select(taken)):
        raise SecondPersonNeeded
