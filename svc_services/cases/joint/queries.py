"""What the slice reads of a joint application and its branches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound
from svc_services.cases.applications.models import Application, ApplicationStep, CaseStatus
from svc_services.cases.joint.models import JointApplication, JointBranch, JointStatus
from svc_services.cases.workflows.models import Workflow
from svc_services.cases.workflows.service import newest_of
from svc_services.providers.applications.models import Provider


@dataclass(frozen=True)
class Locked:
    """A filed joint application, locked after the cases of all its branches."""

    joint: JointApplication
    branches: Sequence[JointBranch]
    cases: Mapping[UUID, Application]
    """By their ids."""

    def case(self, branch: JointBranch) -> Application:
        return self.cases[branch.application_id]  # type: ignore[index]  # a filed branch has one

    @property
    def by_position(self) -> list[tuple[JointBranch, Application]]:
        return [(branch, self.case(branch)) for branch in self.branches]


async def branches_of(tx: AsyncSession, joint_id: UUID) -> Sequence[JointBranch]:
    query = select(JointBranch).where(JointBranch.joint_application_id == joint_id)
    return (await tx.scalars(query.order_by(JointBranch.position))).all()


async def locked(tx: AsyncSession, joint_id: UUID) -> Locked:
    """A filed joint application with its cases: first the cases, in the order of their ids, then itself.

    A step of a case locks that case alone, so nobody waits for each other.

    Raises:
        NotFound: there is none, or it is a draft.
    """
    branches = await branches_of(tx, joint_id)
    ids = [branch.application_id for branch in branches]
    of_branches = select(Application).where(Application.id.in_(ids)).order_by(Application.id)
    fresh = of_branches.with_for_update().execution_options(populate_existing=True)
    cases = {case.id: case for case in (await tx.scalars(fresh)).all()}
    joint = await tx.get(JointApplication, joint_id, with_for_update=True, populate_existing=True)
    if joint is None or joint.status == JointStatus.DRAFT:
        raise NotFound
    return Locked(joint, branches, cases)


async def branch_of(tx: AsyncSession, joint_id: UUID, provider_id: UUID) -> JointBranch:
    """The branch of a company in a filed joint application.

    Raises:
        NotFound
    """
    query = select(JointBranch).where(
        JointBranch.joint_application_id == joint_id,
        JointBranch.provider_id == provider_id,
        JointBranch.application_id.is_not(None),
    )
    branch: JointBranch | None = await tx.scalar(query)
    if branch is None:
        raise NotFound
    return branch


async def joint_of_case(tx: AsyncSession, application_id: UUID) -> UUID | None:
    query = select(JointBranch.joint_application_id).where(JointBranch.application_id == application_id)
    found: UUID | None = await tx.scalar(query)
    return found


async def newest_workflows(tx: AsyncSession, branches: Sequence[JointBranch]) -> dict[int, Workflow]:
    """By which the branches of a draft would be filed now; without those that cannot."""
    found = {}
    for branch in branches:
        provider = await tx.get_one(Provider, branch.provider_id)
        if workflow := await newest_of(tx, provider.kind, branch.kind):
            found[branch.position] = workflow
    return found


async def awaits_appointment(tx: AsyncSession, case: Application) -> bool:
    """Whether an open case has a step with an appointment ahead, and none behind."""
    if case.status != CaseStatus.OPEN or not (await tx.get_one(Workflow, case.workflow_id)).rules.appointments:
        return False
    appointed = exists().where(ApplicationStep.application_id == case.id, ApplicationStep.appointment_on.is_not(None))
    return not await tx.scalar(select(appointed))
