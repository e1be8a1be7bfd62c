from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_miniapps.members import Operator, TeamMember, TeamMemberOrOperator
from svc_miniapps.publishing.complaints import schemas, service
from svc_miniapps.publishing.complaints.models import AppComplaintStatus

router = APIRouter(prefix="/miniapps/v1", tags=["complaints"])
Resident = Annotated[Caller, Depends(allow(scope="mini_apps", persons=True))]


@router.post("/complaints", status_code=201)
async def file_app_complaint(
    tx: Tx, caller: Resident, once: OnceKey, body: schemas.NewAppComplaint
) -> schemas.AppComplaint:
    """Submit a complaint about a mini-app; its team answers within five working days.

    The team does not learn who complains unless the contact is shared with it.
    """
    return await once.do(tx, caller, service.file(tx, caller, body))


@router.get("/complaints")
async def list_own_app_complaints(tx: ReadTx, caller: Resident, page: PageQuery) -> Page[schemas.AppComplaint]:
    """List one's own complaints about mini-apps with their answers, newest first."""
    return await service.own_complaints(tx, caller, page)


@router.post("/complaints/{complaint_id}/appeal")
async def appeal_app_complaint(
    tx: Tx, caller: Resident, once: OnceKey, complaint_id: UUID, body: schemas.AppComplaintWords
) -> schemas.AppComplaint:
    """Request once that operators decide, within 15 days after an answer that does not satisfy."""
    return await once.do(tx, caller, service.appeal(tx, caller, complaint_id, body.words))


@router.get("/received-complaints")
async def list_received_app_complaints(
    tx: ReadTx,
    caller: TeamMemberOrOperator,
    page: PageQuery,
    app_id: Annotated[UUID | None, Query()] = None,
    status: Annotated[AppComplaintStatus | None, Query()] = None,
) -> Page[schemas.AppComplaint]:
    """List complaints about mini-apps of the caller's teams or the operator's divisions, newest first."""
    return await service.received(tx, caller, page, app_id, status)


@router.post("/received-complaints/{complaint_id}/answer")
async def answer_app_complaint(
    tx: Tx, caller: TeamMember, once: OnceKey, complaint_id: UUID, body: schemas.AppComplaintWords
) -> schemas.AppComplaint:
    """Send the team's answer to a complaint, also to a late one."""
    return await once.do(tx, caller, service.answer(tx, caller, complaint_id, body.words))


@router.post("/received-complaints/{complaint_id}/decide")
async def decide_app_complaint(
    tx: Tx, caller: Operator, once: OnceKey, complaint_id: UUID, body: schemas.AppComplaintWords
) -> schemas.AppComplaint:
    """Close a complaint that is late or appealed with the operators' decision."""
    return await once.do(tx, caller, service.decide(tx, caller, complaint_id, body.words))
