from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_services.supervision.complaints import schemas, service
from svc_services.supervision.complaints.models import Complaint, ComplaintStatus
from svc_services.supervision.complaints.presenters import View, shown, summary

router = APIRouter(prefix="/services/v1/complaints", tags=["complaints"])
Complainant = Annotated[Caller, Depends(allow(scope="applications", assurance_level=2))]


@router.post("", status_code=201)
async def file_complaint(tx: Tx, caller: Complainant, once: OnceKey, body: schemas.NewComplaint) -> schemas.Complaint:
    """Submit a complaint about one's application, account, bill or payment, or about what a provider does."""

    async def file() -> schemas.Complaint:
        return await _own(tx, await service.file(tx, caller.id, body))

    return await once.do(tx, caller, file())


@router.get("")
async def list_complaints(
    tx: ReadTx, caller: Complainant, page: PageQuery, status: ComplaintStatus | None = None
) -> Page[schemas.ComplaintSummary]:
    """List one's own complaints, newest first."""
    query = select(Complaint).where(Complaint.person_id == caller.id)
    if status:
        query = query.where(Complaint.status == status)
    return await page_of(tx, query, page, Complaint.id, summary, newest_first=True)


@router.get("/{complaint_id}")
async def get_complaint(tx: ReadTx, caller: Complainant, complaint_id: UUID) -> schemas.Complaint:
    """Get one's own complaint: each step, who handles it, and the last day of its term."""
    return await _own(tx, await service.own(tx, caller.id, complaint_id))


@router.post("/{complaint_id}/withdraw")
async def withdraw_complaint(tx: Tx, caller: Complainant, once: OnceKey, complaint_id: UUID) -> schemas.Complaint:
    """Withdraw one's complaint."""

    async def withdraw() -> schemas.Complaint:
        return await _own(tx, await service.withdraw(tx, caller.id, complaint_id))

    return await once.do(tx, caller, withdraw())


@router.post("/{complaint_id}/confirm")
async def confirm_complaint(tx: Tx, caller: Complainant, once: OnceKey, complaint_id: UUID) -> schemas.Complaint:
    """Confirm that the answer settles one's complaint."""

    async def confirm() -> schemas.Complaint:
        return await _own(tx, await service.confirm(tx, caller.id, complaint_id))

    return await once.do(tx, caller, confirm())


@router.post("/{complaint_id}/dispute")
async def dispute_complaint(
    tx: Tx, caller: Complainant, once: OnceKey, complaint_id: UUID, body: schemas.ComplaintWords
) -> schemas.Complaint:
    """Request another answer, once: an operator who had no part in the answer or the refusal gives it."""

    async def dispute() -> schemas.Complaint:
        return await _own(tx, await service.dispute(tx, caller.id, complaint_id, body.words))

    return await once.do(tx, caller, dispute())


@router.post("/{complaint_id}/reopen")
async def reopen_complaint(
    tx: Tx, caller: Complainant, once: OnceKey, complaint_id: UUID, body: schemas.ComplaintWords
) -> schemas.Complaint:
    """Reopen one's closed complaint, once and within thirty days."""

    async def reopen() -> schemas.Complaint:
        return await _own(tx, await service.reopen(tx, caller.id, complaint_id, body.words))

    return await once.do(tx, caller, reopen())


async def _own(tx: AsyncSession, row: Complaint) -> schemas.Complaint:
    return await shown(tx, row, View.RESIDENT)
