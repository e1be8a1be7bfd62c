"""Drafts of joint applications, and filing them: every branch is filed, or none."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id, now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from kit.etags import IfMatchMissing, etag_of, require_unchanged
from svc_services.base import lock
from svc_services.cases.applications import drafts as single
from svc_services.cases.applications.models import Application
from svc_services.cases.applications.schemas import NewApplication
from svc_services.cases.joint import schemas
from svc_services.cases.joint.events import FiledBranch, JointApplicationFiled
from svc_services.cases.joint.form import JointForm, own_part
from svc_services.cases.joint.models import JointApplication, JointBranch, JointStatus
from svc_services.cases.joint.queries import branches_of
from svc_services.cases.joint.refusals import (
    BranchesAlike,
    JointMaterialUnknown,
    JointSubmittedAlready,
    TooManyJointDrafts,
)
from svc_services.cases.materials.attached import attach
from svc_services.cases.materials.models import Material, MaterialStatus
from svc_services.cases.workflows.models import Workflow
from svc_services.reference.service import require_divisions

MOST_DRAFTS = 5


async def create(tx: AsyncSession, person_id: UUID, new: schemas.JointDraft) -> JointApplication:
    """Begin a draft.

    Raises:
        TooManyJointDrafts, and what `save` raises.
    """
    await lock(tx, "joint drafts of", person_id)
    own = (JointApplication.person_id == person_id, JointApplication.status == JointStatus.DRAFT)
    if (await tx.scalar(select(func.count()).where(*own)) or 0) >= MOST_DRAFTS:
        raise TooManyJointDrafts(most=MOST_DRAFTS)
    draft = JointApplication(
        id=new_id(), person_id=person_id, division_code=new.division_code, form={}, material_ids=[]
    )
    await _write(tx, draft, new)
    return draft


async def save(
    tx: AsyncSession, person_id: UUID, joint_id: UUID, new: schemas.JointDraft, if_match: str | None
) -> JointApplication:
    """Replace a draft by what is filled in now; types are checked, what is required may come later.

    Raises:
        FormRefused, BranchesAlike, JointMaterialUnknown, JointSubmittedAlready, IfMatchMissing, EditedMeanwhile
        UnknownProvider, NotServedThere, NoWorkflow and others: of the branch whose position is named.
    """
    draft = await _draft(tx, person_id, joint_id, if_match)
    await tx.execute(delete(JointBranch).where(JointBranch.joint_application_id == draft.id))
    draft.version += 1
    await _write(tx, draft, new)
    return draft


async def remove(tx: AsyncSession, person_id: UUID, joint_id: UUID, if_match: str | None) -> None:
    draft = await _draft(tx, person_id, joint_id, if_match)
    await tx.execute(delete(JointBranch).where(JointBranch.joint_application_id == draft.id))
    await tx.delete(draft)


async def submit(tx: AsyncSession, person_id: UUID, joint_id: UUID, if_match: str | None) -> JointApplication:
    """File all branches in this transaction, each an application of its own by the workflow that is in force today.

    Raises:
        FormRefused: `at` names the part of the form.
        MaterialsMissing, OpenAlready, ProviderSuspended and others: of the branch whose position is named.
        JointSubmittedAlready, IfMatchMissing, EditedMeanwhile
    """
    joint = await _draft(tx, person_id, joint_id, if_match)
    branches = await branches_of(tx, joint.id)
    workflows = await _workflows(tx, joint, branches)
    JointForm.of(workflows).require_complete(joint.form)
    materials = await _materials(tx, joint)
    for branch in branches:
        with _naming(branch):
            await _file(tx, joint, branch, workflows[branch.position], materials)
    joint.form, joint.material_ids, joint.submitted_at = {}, [], now()
    joint.move_to(JointStatus.OPEN)
    await tx.flush()
    filed = [FiledBranch(application_id=each.application_id, provider_id=each.provider_id) for each in branches]
    await emit(tx, JointApplicationFiled(joint_application_id=joint.id, person_id=person_id, branches=filed))
    return joint


async def erase_of_person(tx: AsyncSession, person_id: UUID) -> None:
    """Remove the drafts of a person; what was filed holds nothing that they filled in."""
    drafts = (JointApplication.person_id == person_id, JointApplication.status == JointStatus.DRAFT)
    own = select(JointApplication.id).where(*drafts)
    await tx.execute(delete(JointBranch).where(JointBranch.joint_application_id.in_(own)))
    await tx.execute(delete(JointApplication).where(*drafts))


async def _write(tx: AsyncSession, draft: JointApplication, new: schemas.JointDraft) -> None:
    await require_divisions(tx, [new.division_code])
    if len({each.provider_id for each in new.branches}) < len(new.branches):
        raise BranchesAlike
    draft.division_code = new.division_code
    branches = [
        JointBranch(joint_application_id=draft.id, position=position, **wanted.model_dump())
        for position, wanted in enumerate(new.branches, start=1)
    ]
    workflows = await _workflows(tx, draft, branches)
    draft.form, draft.material_ids = new.form.model_dump(), list(dict.fromkeys(new.material_ids))
    JointForm.of(workflows).require_types(draft.form)
    await _materials(tx, draft)
    tx.add(draft)
    await tx.flush()
    tx.add_all(branches)
    await tx.flush()


async def _workflows(tx: AsyncSession, joint: JointApplication, branches: Sequence[JointBranch]) -> dict[int, Workflow]:
    """By which the branches are filed now; also that their accounts are the applicant's."""
    found = {}
    for branch in branches:
        with _naming(branch):
            workflow = await single.workflow_for(tx, branch.provider_id, branch.kind, joint.division_code)
            subject = Application(
                person_id=joint.person_id, provider_id=branch.provider_id, account_number=branch.account_number
            )
            await single.require_account(tx, subject, workflow.rules.account)
            found[branch.position] = workflow
    return found


async def _materials(tx: AsyncSession, joint: JointApplication) -> Sequence[Material]:
    """The files that are given; a use keeps them from being deleted as unused.

    Raises:
        JointMaterialUnknown
    """
    kept = (
        Material.id.in_(joint.material_ids),
        Material.person_id == joint.person_id,
        Material.status == MaterialStatus.KEPT,
    )
    in_order = select(Material).where(*kept).order_by(Material.id)
    materials = (await tx.scalars(in_order.with_for_update(key_share=True))).all()
    if len(materials) < len(joint.material_ids):
        raise JointMaterialUnknown
    await tx.execute(update(Material).where(*kept).values(touched_at=func.now()))
    return materials


async def _file(
    tx: AsyncSession, joint: JointApplication, branch: JointBranch, workflow: Workflow, materials: Sequence[Material]
) -> None:
    new = NewApplication(
        provider_id=branch.provider_id,
        kind=branch.kind,
        division_code=joint.division_code,
        account_number=branch.account_number,
        form=own_part(joint.form, branch.position, workflow),
    )
    case = await single.begin(tx, joint.person_id, new)
    wanted = {each.kind for each in workflow.rules.materials}
    for material in materials:
        if material.kind in wanted:
            await attach(tx, joint.person_id, case.id, material.id)
    await single.submit(tx, joint.person_id, case.id, etag_of(case.version))
    branch.application_id, branch.account_number = case.id, None


async def _draft(tx: AsyncSession, person_id: UUID, joint_id: UUID, if_match: str | None) -> JointApplication:
    draft = await tx.get(JointApplication, joint_id, with_for_update=True, populate_existing=True)
    if draft is None or draft.person_id != person_id:
        raise NotFound
    if draft.status != JointStatus.DRAFT:
        raise JointSubmittedAlready
    if if_match is None:
        raise IfMatchMissing
    require_unchanged(if_match, etag_of(draft.version))
    return draft


@contextmanager
def _naming(branch: JointBranch) -> Iterator[None]:
    """Say of a refusal which branch it is about."""
    position = branch.position  # cannot be read any more when a flush has failed
    try:
        yield
    except Problem as refused:
        refused.values["branch"] = position
        raise
