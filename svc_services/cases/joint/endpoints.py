from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.etags import IfMatch
from svc_services.cases.joint import drafts, schemas, service
from svc_services.cases.joint import survey as surveys
from svc_services.cases.joint.models import JointApplication, JointStatus
from svc_services.cases.joint.presenters import shown, summary, tagged
from svc_services.cases.joint.queries import locked

router = APIRouter(prefix="/services/v1/joint-applications", tags=["joint applications"])
Applicant = Annotated[Caller, Depends(allow(scope="applications", assurance_level=2))]
_FORM = {"x-max-body-bytes": 131_072}


@router.post("", status_code=201, openapi_extra=_FORM)
async def create_joint_application(
    tx: Tx, caller: Applicant, response: Response, once: OnceKey, body: schemas.JointDraft
) -> schemas.JointApplication:
    """Begin a joint application as a draft: one form for up to six companies."""

    async def create() -> schemas.JointApplication:
        return await shown(tx, await drafts.create(tx, caller.id, body))

    return tagged(response, await once.do(tx, caller, create()))


@router.get("")
async def list_joint_applications(
    tx: ReadTx, caller: Applicant, page: PageQuery, status: JointStatus | None = None
) -> Page[schemas.JointApplicationSummary]:
    """List one's own joint applications, newest first."""
    query = select(JointApplication).where(JointApplication.person_id == caller.id)
    if status:
        query = query.where(JointApplication.status == status)
    return await page_of(tx, query, page, JointApplication.id, summary, newest_first=True)


@router.get("/{joint_application_id}")
async def get_joint_application(
    tx: ReadTx, caller: Applicant, response: Response, joint_application_id: UUID
) -> schemas.JointApplication:
    """Get one's own joint application: each branch with its steps, the promised day, and the combined answer."""
    return tagged(response, await shown(tx, await service.own(tx, caller.id, joint_application_id)))


@router.put("/{joint_application_id}", openapi_extra=_FORM)
async def save_joint_draft(
    tx: Tx,
    caller: Applicant,
    response: Response,
    joint_application_id: UUID,
    body: schemas.JointDraft,
    if_match: IfMatch = None,
) -> schemas.JointApplication:
    """Change a draft; `If-Match` names the version that was read.

    Types are checked, required fields may be missing. A filed one is not changed.
    """
    return tagged(response, await shown(tx, await drafts.save(tx, caller.id, joint_application_id, body, if_match)))


@router.delete("/{joint_application_id}", status_code=204)
async def remove_joint_draft(tx: Tx, caller: Applicant, joint_application_id: UUID, if_match: IfMatch = None) -> None:
    """Remove a draft."""
    await drafts.remove(tx, caller.id, joint_application_id, if_match)


@router.post("/{joint_application_id}/submit")
async def submit_joint_application(
    tx: Tx, caller: Applicant, response: Response, once: OnceKey, joint_application_id: UUID, if_match: IfMatch = None
) -> schemas.JointApplication:
    """Submit a draft: every branch becomes an application of its own, or none does and the refusal names the branch."""

    async def submit() -> schemas.JointApplication:
        return await shown(tx, await drafts.submit(tx, caller.id, joint_application_id, if_match))

    return tagged(response, await once.do(tx, caller, submit()))


@router.post("/{joint_application_id}/survey-days")
async def propose_survey_days(
    tx: Tx,
    caller: Applicant,
    response: Response,
    once: OnceKey,
    joint_application_id: UUID,
    body: schemas.ProposedDays,
) -> schemas.JointApplication:
    """Propose days on which all companies could come at once, and further ones where none suited all."""

    async def propose() -> schemas.JointApplication:
        await service.own(tx, caller.id, joint_application_id)
        held = await locked(tx, joint_application_id)
        await surveys.propose(tx, held, body, None)
        return await shown(tx, held.joint)

    return tagged(response, await once.do(tx, caller, propose()))


@router.post("/{joint_application_id}/withdraw")
async def withdraw_joint_application(
    tx: Tx, caller: Applicant, response: Response, once: OnceKey, joint_application_id: UUID
) -> schemas.JointApplication:
    """Withdraw every branch that may still be withdrawn; a single one is withdrawn as an application."""

    async def withdraw() -> schemas.JointApplication:
        return await shown(tx, await service.withdraw(tx, caller.id, joint_application_id))

    return tagged(response, await once.do(tx, caller, withdraw()))
