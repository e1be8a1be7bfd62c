"""The promised day moves once, by a decision of who has the case, within the bound of its workflow."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import NotFound
from kit.approvals import SecondPersonNeeded
from kit.calendar import today
from kit.etags import require_version
from kit.staff.reach import acting_in
from svc_services.calendar.days.queries import calendar_of
from svc_services.cases.applications import clock, engine
from svc_services.cases.applications import service as applications
from svc_services.cases.applications.models import Application, ApplicationStep, CaseStatus, MoveCause
from svc_services.cases.extensions.models import CaseExtension
from svc_services.cases.extensions.refusals import ExtendedAlready, ExtensionTooLate, NoExtension, NothingToExtend
from svc_services.cases.extensions.schemas import WantedExtension
from svc_services.cases.workflows.definition import EXTEND, STAFF, Actor, WorkflowDefinition
from svc_services.cases.workflows.models import Workflow
from svc_services.providers.own_company.outsiders import require_outsider


async def extend_as_operator(
    tx: AsyncSession, caller: Caller, application_id: UUID, wanted: WantedExtension, if_match: str | None
) -> Application:
    """Extend the promise of a case that an office has.

    Raises:
        NotFound, NotYourDivision, OwnCompany
        SecondPersonNeeded: the case is the operator's own.
        NoExtension, ExtendedAlready, ExtensionTooLate, NothingToExtend
    """
    case = await applications.locked_case(tx, application_id)
    acting_in(caller, [case.division_code], Actor.OPERATOR.value)
    await require_outsider(tx, caller, case.provider_id)
    if caller.id == case.person_id:
        raise SecondPersonNeeded
    require_version(if_match, case.version)
    await _extend(tx, case, wanted, Actor.OPERATOR, caller.id)
    return case


async def extend_as_provider(
    tx: AsyncSession, provider_id: UUID, application_id: UUID, wanted: WantedExtension, if_match: str | None
) -> Application:
    """Extend the promise of a case that the provider has.

    Raises:
        NotFound: also where the case is another provider's.
        NoExtension, ExtendedAlready, ExtensionTooLate, NothingToExtend
    """
    case = await applications.locked_case(tx, application_id)
    if case.provider_id != provider_id:
        raise NotFound
    require_version(if_match, case.version)
    await _extend(tx, case, wanted, Actor.PROVIDER, provider_id)
    return case


async def _extend(tx: AsyncSession, case: Application, wanted: WantedExtension, actor: Actor, actor_id: UUID) -> None:
    rules = (await tx.get_one(Workflow, case.workflow_id)).rules
    _require_possible(case, rules, actor, wanted.days)
    clock.settle(case, today(), await calendar_of(tx))
    if case.consumed_days > rules.limit_days:
        raise ExtensionTooLate
    case.extended_days, case.extended_state = wanted.days, case.state
    step = ApplicationStep(
        application_id=case.id, action=EXTEND, actor=actor, actor_id=actor_id, reason=wanted.reason, taken_at=now()
    )
    await engine.advance(tx, case, rules, str(case.state), step, cause=MoveCause.EXTENSION)
    tx.add(
        CaseExtension(
            application_id=case.id, days=wanted.days, position=step.position, actor=actor, extended_by=actor_id
        )
    )
    await tx.flush()


def _require_possible(case: Application, rules: WorkflowDefinition, actor: Actor, days: int) -> None:
    if rules.extension_days is None or days > rules.extension_days:
        raise NoExtension(most=rules.extension_days or 0)
    if case.extended_days:
        raise ExtendedAlready
    holders = STAFF if actor == Actor.OPERATOR else {actor}
    has_it = case.status == CaseStatus.OPEN and rules.state(str(case.state)).held_by in holders
    if not (has_it and case.clock_runs):
        raise NothingToExtend
