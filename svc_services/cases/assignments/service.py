"""An operator assigns a case to one clerk; until that is lifted, no other clerk claims it."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from kit.approvals import SecondPersonNeeded
from kit.staff.reach import acting_in
from svc_services.cases.applications import service as applications
from svc_services.cases.applications.models import Application, CaseStatus
from svc_services.cases.applications.refusals import NothingToClaim
from svc_services.cases.assignments.models import CaseAssignment
from svc_services.cases.assignments.rights import NotAClerkThere, is_clerk
from svc_services.cases.workflows.definition import Actor
from svc_services.cases.workflows.models import Workflow
from svc_services.providers.own_company.outsiders import require_outsider


async def assign(tx: AsyncSession, caller: Caller, application_id: UUID, clerk_id: UUID | None) -> Application:
    """Assign an open case to a clerk, or to another one, or to nobody in particular; a claim of somebody else ends.

    Raises:
        NotFound, NotYourDivision
        NothingToClaim: clerks have nothing to decide in this state.
        NotAClerkThere: the person is no clerk of the division.
        SecondPersonNeeded: the case is the operator's own, or the clerk's.
        OwnCompany: one of the two holds a role in the company.
    """
    case = await applications.locked_case(tx, application_id)
    acting_in(caller, [case.division_code], Actor.OPERATOR.value)
    await require_outsider(tx, caller, case.provider_id)
    if case.person_id in {caller.id, clerk_id}:
        raise SecondPersonNeeded
    if clerk_id is not None:
        await _require_able(tx, caller, case, clerk_id)
    case.assigned_to = clerk_id
    if case.claimed_by != clerk_id:
        case.claimed_by = case.claimed_until = None
    tx.add(CaseAssignment(application_id=case.id, clerk_id=clerk_id, assigned_by=caller.id))
    await tx.flush()
    return case


async def _require_able(tx: AsyncSession, caller: Caller, case: Application, clerk_id: UUID) -> None:
    rules = (await tx.get_one(Workflow, case.workflow_id)).rules
    decides = any(Actor.CLERK in action.who for action in rules.actions_from(str(case.state)))
    if case.status != CaseStatus.OPEN or not decides:
        raise NothingToClaim
    if not await is_clerk(tx, clerk_id, case.division_code):
        raise NotAClerkThere
    await require_outsider(tx, replace(caller, subject=str(clerk_id), memberships=()), case.provider_id)
