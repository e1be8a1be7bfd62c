from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.fields.divisions import DivisionCode
from svc_services.callers import OPERATOR
from svc_services.cases.applications.models import Flag
from svc_services.providers.own_company.service import ADMIN
from svc_services.supervision.complaints import handling, schemas
from svc_services.supervision.complaints.models import Complaint, ComplaintStatus
from svc_services.supervision.complaints.presenters import summary
from svc_services.supervision.complaints.reads import read
from svc_services.supervision.readers import CLERK, Reader

router = APIRouter(prefix="/services/v1/received-complaints", tags=["complaints"])
Office = Annotated[Caller, Depends(allow(scope="staff", role=(CLERK, OPERATOR)))]
Answering = Annotated[Caller, Depends(allow(scope="staff", role=(CLERK, OPERATOR, ADMIN)))]
Level = Annotated[int | None, Query(ge=0, le=2, description="The complaint has risen at least to this level.")]


@router.get("")
async def list_received_complaints(  # noqa: PLR0913, PLR0917 - filters
    tx: ReadTx,
    caller: Reader,
    page: PageQuery,
    status: ComplaintStatus | None = None,
    flag: Flag | None = None,
    level: Level = None,
    division_code: DivisionCode | None = None,
    provider_id: UUID | None = None,
) -> Page[schemas.ComplaintSummary]:
    """List the complaints of one's divisions, or the accepted ones about one's company, oldest first.

    With a `flag` these are the late ones.
    """
    wanted = {
        Complaint.status: status,
        Complaint.flag: flag,
        Complaint.division_code: division_code,
        Complaint.provider_id: provider_id,
    }
    chosen = [column == value for column, value in wanted.items() if value is not None]
    if level:
        chosen.append(Complaint.level >= level)
    query = select(Complaint).where(handling.reached(caller), *chosen)
    return await page_of(tx, query, page, Complaint.id, summary)


@router.get("/{complaint_id}")
async def get_received_complaint(tx: Tx, caller: Reader, complaint_id: UUID) -> schemas.Complaint:
    """Get a complaint of one's divisions, or an accepted one about one's company; the complainant sees who read it."""
    return await read(tx, caller, await handling.found(tx, caller, complaint_id))


@router.post("/{complaint_id}/accept")
async def accept_complaint(
    tx: Tx, caller: Office, once: OnceKey, complaint_id: UUID, body: schemas.ComplaintAcceptance
) -> schemas.Complaint:
    """Accept a complaint, and name who handles it: the provider, or the authority."""

    async def accept() -> schemas.Complaint:
        return await read(tx, caller, await handling.accept(tx, caller, complaint_id, body))

    return await once.do(tx, caller, accept())


@router.post("/{complaint_id}/refuse")
async def refuse_complaint(
    tx: Tx, caller: Office, once: OnceKey, complaint_id: UUID, body: schemas.ComplaintWords
) -> schemas.Complaint:
    """Refuse a complaint, with the reason."""

    async def refuse() -> schemas.Complaint:
        return await read(tx, caller, await handling.refuse(tx, caller, complaint_id, body.words))

    return await once.do(tx, caller, refuse())


@router.post("/{complaint_id}/assign")
async def assign_complaint(
    tx: Tx, caller: Office, once: OnceKey, complaint_id: UUID, body: schemas.ComplaintAssignment
) -> schemas.Complaint:
    """Assign an accepted complaint to the provider or to the authority; its days go on."""

    async def assign() -> schemas.Complaint:
        return await read(tx, caller, await handling.assign(tx, caller, complaint_id, body))

    return await once.do(tx, caller, assign())


@router.post("/{complaint_id}/answer")
async def answer_complaint(
    tx: Tx, caller: Answering, once: OnceKey, complaint_id: UUID, body: schemas.ComplaintWords
) -> schemas.Complaint:
    """Send the answer to a complaint: its handler, or after a dispute an operator who had no part in it."""

    async def answer() -> schemas.Complaint:
        return await read(tx, caller, await handling.answer(tx, caller, complaint_id, body.words))

    return await once.do(tx, caller, answer())


@router.post("/{complaint_id}/call-back")
async def record_complaint_call_back(
    tx: Tx, caller: Office, once: OnceKey, complaint_id: UUID, body: schemas.NewComplaintCallBack
) -> schemas.Complaint:
    """Record what the complainant said when called back; `unsatisfied` is a dispute the first time."""

    async def call_back() -> schemas.Complaint:
        return await read(tx, caller, await handling.call_back(tx, caller, complaint_id, body))

    return await once.do(tx, caller, call_back())
