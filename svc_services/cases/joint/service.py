"""What becomes of a filed joint application: its branches go their own ways, and the last one to end decides it."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id
from chassis.outbox import emit
from chassis.problems import NotFound
from kit.staff.reach import acting_in
from svc_services.cases.applications import engine
from svc_services.cases.applications.engine import Taking
from svc_services.cases.applications.models import Application, CaseStatus
from svc_services.cases.joint import survey
from svc_services.cases.joint.events import BranchResult, JointApplicationAnswered
from svc_services.cases.joint.models import JointApplication, JointResult, JointStatus
from svc_services.cases.joint.queries import Locked, branch_of, joint_of_case, locked
from svc_services.cases.joint.refusals import NothingToWithdraw
from svc_services.cases.workflows.definition import STAFF, Actor, WorkflowDefinition
from svc_services.cases.workflows.models import Workflow


async def follow(tx: AsyncSession, application_id: UUID) -> None:
    """A case has taken a step: do what follows for its joint application, if it is a branch. Idempotent."""
    if joint_id := await joint_of_case(tx, application_id):
        await settle(tx, await locked(tx, joint_id))


async def settle(tx: AsyncSession, held: Locked) -> None:
    """Decide the search for a day, and give the combined answer once every branch has ended.

    Whoever comes second sees what the first one has decided, so there is one answer for one outcome.
    """
    await survey.decide(tx, held)
    joint, over = held.joint, all(case.status == CaseStatus.ENDED for case in held.cases.values())
    if not over:
        if joint.status == JointStatus.ENDED:
            joint.move_to(JointStatus.OPEN)
        return
    last = await newest_result(tx, joint.id)
    outcome = _outcome(held)
    if last is None or last.branches != outcome:
        await _answer(tx, held, outcome, (last.edition if last else 0) + 1)
    if joint.status == JointStatus.OPEN:
        joint.move_to(JointStatus.ENDED)


async def withdraw(tx: AsyncSession, person_id: UUID, joint_id: UUID) -> JointApplication:
    """Withdraw every branch that its applicant may still withdraw; the others go on.

    Raises:
        NothingToWithdraw
    """
    await own(tx, person_id, joint_id)
    held, withdrawn = await locked(tx, joint_id), 0
    for _, case in held.by_position:
        workflow = await tx.get_one(Workflow, case.workflow_id)
        if case.status == CaseStatus.OPEN and (action := _withdrawal(workflow.rules, str(case.state))):
            acting = Taking(action, frozenset({Actor.CITIZEN}), person_id)
            await engine.take(tx, case, workflow, acting)
            withdrawn += 1
    if not withdrawn:
        raise NothingToWithdraw
    await settle(tx, held)
    return held.joint


async def own(tx: AsyncSession, person_id: UUID, joint_id: UUID) -> JointApplication:
    joint = await tx.get(JointApplication, joint_id)
    if joint is None or joint.person_id != person_id:
        raise NotFound
    return joint


async def of_provider(tx: AsyncSession, provider_id: UUID, joint_id: UUID) -> JointApplication:
    """A filed joint application with a branch of the company."""
    await branch_of(tx, joint_id, provider_id)
    return await tx.get_one(JointApplication, joint_id)


async def of_staff(tx: AsyncSession, caller: Caller, joint_id: UUID) -> JointApplication:
    joint = await tx.get(JointApplication, joint_id)
    if joint is None or joint.status == JointStatus.DRAFT:
        raise NotFound
    acting_in(caller, [joint.division_code], *STAFF)
    return joint


async def newest_result(tx: AsyncSession, joint_id: UUID) -> JointResult | None:
    query = select(JointResult).where(JointResult.joint_application_id == joint_id)
    found: JointResult | None = await tx.scalar(query.order_by(JointResult.edition.desc()).limit(1))
    return found


async def _answer(tx: AsyncSession, held: Locked, outcome: list[dict[str, Any]], edition: int) -> None:
    result = JointResult(id=new_id(), joint_application_id=held.joint.id, edition=edition, branches=outcome)
    tx.add(result)
    await tx.flush()
    branches = [
        BranchResult(application_id=case.id, provider_id=case.provider_id, state=str(case.state))
        for _, case in held.by_position
    ]
    joint = {"joint_application_id": held.joint.id, "person_id": held.joint.person_id}
    same = {"edition": edition, "branches": branches, "decided_at": result.decided_at}
    await emit(tx, JointApplicationAnswered(**joint, **same))


def _outcome(held: Locked) -> list[dict[str, Any]]:
    """The version tells two outcomes with the same state apart: between them an appeal was decided."""
    return [_ended(branch.position, case) for branch, case in held.by_position]


def _ended(position: int, case: Application) -> dict[str, Any]:
    return {"position": position, "application_id": str(case.id), "state": case.state, "version": case.version}


def _withdrawal(rules: WorkflowDefinition, state: str) -> str | None:
    """By what an applicant ends a case in this state, with nothing else to say."""
    own = (each for each in rules.actions_from(state) if Actor.CITIZEN in each.who and not each.needs)
    return next((each.name for each in own if rules.state(each.to).ends), None)
