"""What citizens, staff and providers do with a case."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import NotFound
from kit.etags import require_version
from kit.staff.reach import acting_in
from svc_services.cases.applications import engine, fairness, schemas
from svc_services.cases.applications.engine import Taking
from svc_services.cases.applications.models import Application, CaseStatus
from svc_services.cases.applications.refusals import AssignedToAnother, ClaimedByAnother, NothingToClaim
from svc_services.cases.assignments.rights import is_clerk
from svc_services.cases.workflows.definition import STAFF, Actor, WorkflowDefinition
from svc_services.cases.workflows.models import Workflow
from svc_services.providers.own_company.outsiders import require_outsider

CLAIM = timedelta(minutes=30)


async def act_as_citizen(
    tx: AsyncSession, person_id: UUID, application_id: UUID, wanted: schemas.WantedAction, if_match: str | None
) -> Application:
    case = await locked_case(tx, application_id)
    if case.person_id != person_id:
        raise NotFound
    return await _take(tx, case, _taking(wanted, Actor.CITIZEN, actor_id=person_id), if_match)


async def act_as_provider(
    tx: AsyncSession, provider_id: UUID, application_id: UUID, wanted: schemas.WantedAction, if_match: str | None
) -> Application:
    case = await locked_case(tx, application_id)
    if case.provider_id != provider_id:
        raise NotFound
    return await _take(tx, case, _taking(wanted, Actor.PROVIDER, actor_id=provider_id), if_match)


async def act_as_staff(
    tx: AsyncSession, caller: Caller, application_id: UUID, wanted: schemas.WantedAction, if_match: str | None
) -> Application:
    case = await locked_case(tx, application_id)
    taking = _taking(wanted, *_roles(caller, case), actor_id=caller.id)
    await require_outsider(tx, caller, case.provider_id)
    return await _take(tx, case, taking, if_match)


async def claim(tx: AsyncSession, caller: Caller, application_id: UUID) -> Application:
    """Claim a case for half an hour, or for longer when it is one's own claim.

    Raises:
        NotYourDivision, NothingToClaim
        SecondPersonNeeded: there is nothing that the caller could decide.
        OwnCompany: the caller holds a role in the company.
        ClaimedByAnother: another clerk's claim has not expired.
        AssignedToAnother: an operator has assigned it to another clerk.
    """
    case = await locked_case(tx, application_id)
    roles = _roles(caller, case)
    await require_outsider(tx, caller, case.provider_id)
    rules = (await _workflow(tx, case)).rules
    await _require_something_to_decide(tx, caller, case, rules, roles)
    if engine.claim_holds(case) and case.claimed_by != caller.id:
        raise ClaimedByAnother
    if Actor.OPERATOR not in roles and await _is_assigned_elsewhere(tx, case, caller.id):
        raise AssignedToAnother
    case.claimed_by, case.claimed_until = caller.id, now() + CLAIM
    return case


async def release(tx: AsyncSession, caller: Caller, application_id: UUID) -> Application:
    """Give up one's own claim; an operator also lifts that of a clerk."""
    case = await locked_case(tx, application_id)
    roles = _roles(caller, case)
    if engine.claim_holds(case) and case.claimed_by != caller.id and Actor.OPERATOR not in roles:
        raise ClaimedByAnother
    case.claimed_by = case.claimed_until = None
    return case


async def own(tx: AsyncSession, person_id: UUID, application_id: UUID) -> Application:
    case = await tx.get(Application, application_id)
    if case is None or case.person_id != person_id:
        raise NotFound
    return case


async def of_provider(tx: AsyncSession, provider_id: UUID, application_id: UUID) -> Application:
    case = await _case(tx, application_id)
    if case.provider_id != provider_id:
        raise NotFound
    return case


async def locked_case(tx: AsyncSession, application_id: UUID) -> Application:
    return await _case(tx, application_id, locked=True)


async def of_staff(tx: AsyncSession, caller: Caller, application_id: UUID) -> Application:
    case = await _case(tx, application_id)
    _roles(caller, case)
    return case


async def _require_something_to_decide(
    tx: AsyncSession, caller: Caller, case: Application, rules: WorkflowDefinition, roles: Collection[Actor]
) -> None:
    """Nobody keeps others from a case that they cannot decide themselves."""
    own = [action for action in rules.actions_from(str(case.state)) if set(roles) & set(action.who)]
    if not own:
        raise NothingToClaim
    easiest = min(own, key=lambda action: action.another_person)
    await fairness.require_independent(tx, case, easiest, caller.id)


async def _take(tx: AsyncSession, case: Application, taking: Taking, if_match: str | None) -> Application:
    require_version(if_match, case.version)
    await engine.take(tx, case, await _workflow(tx, case), taking)
    return case


async def _case(tx: AsyncSession, application_id: UUID, *, locked: bool = False) -> Application:
    """A submitted application; drafts are their author's alone."""
    case = await tx.get(Application, application_id, with_for_update=locked or None)
    if case is None or case.status == CaseStatus.DRAFT:
        raise NotFound
    return case


async def _is_assigned_elsewhere(tx: AsyncSession, case: Application, person_id: UUID) -> bool:
    """An assignment to somebody whose role has ended keeps nobody out."""
    assigned = case.assigned_to
    return assigned not in {None, person_id} and await is_clerk(tx, UUID(str(assigned)), case.division_code)


async def _workflow(tx: AsyncSession, case: Application) -> Workflow:
    return await tx.get_one(Workflow, case.workflow_id)


def _roles(caller: Caller, case: Application) -> list[Actor]:
    """The roles of staff by which the caller reaches the division of a case."""
    return roles_in(caller, case.division_code)


def roles_in(caller: Caller, division_code: str) -> list[Actor]:
    acting = acting_in(caller, [division_code], *STAFF)
    return [Actor(each.role) for each in acting.memberships_as(*STAFF)]


def _taking(wanted: schemas.WantedAction, *actors: Actor, actor_id: UUID) -> Taking:
    return Taking(actors=frozenset(actors), actor_id=actor_id, **wanted.model_dump())
