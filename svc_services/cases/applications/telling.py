"""Who is told of a step: everybody by event, and the company by a delivery."""

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit
from svc_services.cases.applications.events import ApplicationFlagged, ApplicationMoved
from svc_services.cases.applications.models import Application, ApplicationStep, CaseStatus, Flag
from svc_services.cases.workflows.definition import ROUTE, SUBMIT, Actor
from svc_services.providers.deliveries.models import DeliveryKind
from svc_services.providers.deliveries.service import enqueue

_HANDED_OVER = (SUBMIT, ROUTE)
"""After these the company has a case that it did not have before."""
_FLAGGED = (
    *("case_number", "provider_id", "division_code", "kind", "state", "flag", "level"),
    *("consumed_days", "promised_on"),
)


async def tell_step(tx: AsyncSession, case: Application, step: ApplicationStep) -> None:
    await emit(tx, _moved(case, step))
    await _deliver(tx, case, step)


async def tell_flag(tx: AsyncSession, case: Application, before: tuple[Flag | None, int]) -> None:
    """Tell that time has flagged a case, or raised it, since it had this flag and level."""
    if case.clock_runs and case.flag is not None and (case.flag, case.level) != before:
        await emit(tx, ApplicationFlagged(application_id=case.id, **{name: getattr(case, name) for name in _FLAGGED}))


async def _deliver(tx: AsyncSession, case: Application, step: ApplicationStep) -> None:
    """Have the company told of the hand-over and of each step that is not its own."""
    if step.actor == Actor.PROVIDER:
        return
    kind = DeliveryKind.APPLICATION_SUBMITTED if step.action in _HANDED_OVER else DeliveryKind.APPLICATION_MOVED
    about = {"action": step.action, "actor": str(step.actor), "state": step.to_state}
    ended = case.status == CaseStatus.ENDED
    await enqueue(tx, case.provider_id, kind, case.id, **about, version=case.version, ended=ended)


def _moved(case: Application, step: ApplicationStep) -> ApplicationMoved:
    return ApplicationMoved(
        application_id=case.id,
        person_id=case.person_id,
        provider_id=case.provider_id,
        division_code=case.division_code,
        case_number=str(case.case_number),
        kind=case.kind,
        version=case.version,
        action=step.action,
        actor=step.actor,
        from_state=step.from_state,
        to_state=step.to_state,
        ended=case.status == CaseStatus.ENDED,
        promised_on=case.promised_on if case.clock_runs else None,
        taken_at=step.taken_at,
    )
