"""A case that lies with the wrong office or provider goes to the right one, with its number and its clock."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from kit.etags import require_version
from svc_services.cases.applications import drafts, engine, fairness
from svc_services.cases.applications import service as applications
from svc_services.cases.applications.models import Application, ApplicationStep, CaseStatus
from svc_services.cases.joint.queries import joint_of_case
from svc_services.cases.routings.models import CaseRouting
from svc_services.cases.routings.refusals import (
    AccountOfProvider,
    BranchOfJoint,
    DecidedAlready,
    OtherUtility,
    RoutedNowhere,
    RoutedTooOften,
)
from svc_services.cases.routings.schemas import WantedRouting
from svc_services.cases.workflows.definition import EXTEND, ROUTE, Actor, WorkflowAction, WorkflowDefinition
from svc_services.cases.workflows.models import Workflow
from svc_services.providers.applications.models import Provider
from svc_services.providers.deliveries.models import DeliveryKind
from svc_services.providers.deliveries.service import enqueue
from svc_services.providers.own_company.outsiders import require_outsider
from svc_services.reference.service import require_divisions

MOST_ROUTINGS = 3
_OFFICES = (Actor.CLERK, Actor.OPERATOR, Actor.PROVIDER)
_MOVING = WorkflowAction(name=ROUTE, from_states=[], to=ROUTE, who=[])


async def route(
    tx: AsyncSession, caller: Caller, application_id: UUID, wanted: WantedRouting, if_match: str | None
) -> Application:
    """Move a claimed case from one queue into another, in one step.

    Raises:
        NotFound, NotYourDivision, ClaimNeeded, ClaimedByAnother, SecondPersonNeeded, OwnCompany
        DecidedAlready: an office or the provider has decided something, or the applicant has the case.
        UnknownProvider, ProviderSuspended, NotServedThere, OtherUtility, AccountOfProvider, BranchOfJoint
        RoutedNowhere, RoutedTooOften
    """
    case = await applications.locked_case(tx, application_id)
    roles = applications.roles_in(caller, case.division_code)
    for provider_id in {case.provider_id, wanted.provider_id}:
        await require_outsider(tx, caller, provider_id)
    require_version(if_match, case.version)
    engine.require_claim(case, caller.id)
    rules = (await tx.get_one(Workflow, case.workflow_id)).rules
    await fairness.require_independent(tx, case, _MOVING, caller.id)
    await _require_undecided(tx, case, rules)
    await _require_place(tx, case, wanted)
    await _move(tx, case, rules, wanted, caller.id, min(roles))
    return case


async def _move(
    tx: AsyncSession, case: Application, rules: WorkflowDefinition, wanted: WantedRouting, mover: UUID, actor: Actor
) -> None:
    routing = CaseRouting(
        application_id=case.id,
        from_division_code=case.division_code,
        to_division_code=wanted.division_code,
        from_provider_id=case.provider_id,
        to_provider_id=wanted.provider_id,
        routed_by=mover,
    )
    if wanted.provider_id != case.provider_id:
        gone: dict[str, str | int | bool | None] = {
            "action": ROUTE,
            "actor": str(actor),
            "state": str(case.state),
            "version": case.version,
            "ended": False,
        }
        await enqueue(tx, case.provider_id, DeliveryKind.APPLICATION_MOVED, case.id, **gone)
    case.division_code, case.provider_id, case.assigned_to = wanted.division_code, wanted.provider_id, None
    step = ApplicationStep(
        application_id=case.id, action=ROUTE, actor=actor, actor_id=mover, reason=wanted.reason, taken_at=now()
    )
    await engine.advance(tx, case, rules, str(case.state), step)
    routing.position = step.position
    tx.add(routing)
    await tx.flush()


async def _require_undecided(tx: AsyncSession, case: Application, rules: WorkflowDefinition) -> None:
    """A request for a correction decides nothing; anything else of an office or the provider does."""
    if case.status != CaseStatus.OPEN or rules.state(str(case.state)).held_by not in _OFFICES:
        raise DecidedAlready
    taken = select(ApplicationStep).where(
        ApplicationStep.application_id == case.id,
        ApplicationStep.actor.in_(_OFFICES),
        ApplicationStep.action.not_in((ROUTE, EXTEND)),
    )
    for step in (await tx.scalars(taken)).all():
        reached = rules.state(step.to_state)
        if reached.ends or not reached.stops_clock or reached.held_by != Actor.CITIZEN:
            raise DecidedAlready


async def _require_place(tx: AsyncSession, case: Application, wanted: WantedRouting) -> None:
    if (case.division_code, case.provider_id) == (wanted.division_code, wanted.provider_id):
        raise RoutedNowhere
    await require_divisions(tx, [wanted.division_code])
    provider = await drafts.serving(tx, wanted.provider_id, wanted.division_code)
    if provider.kind != (await tx.get_one(Provider, case.provider_id)).kind:
        raise OtherUtility
    if wanted.provider_id != case.provider_id:
        if case.account_number is not None:
            raise AccountOfProvider
        if await joint_of_case(tx, case.id):
            raise BranchOfJoint
    routed = select(func.count()).where(CaseRouting.application_id == case.id)
    if (await tx.scalar(routed) or 0) >= MOST_ROUTINGS:
        raise RoutedTooOften(most=MOST_ROUTINGS)
