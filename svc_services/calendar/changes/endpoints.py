from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.staff.reach import allow_of_whole
from svc_services.calendar.changes import schemas, service
from svc_services.calendar.changes.models import CalendarChange, CalendarChangeStatus
from svc_services.callers import AUDITOR, OPERATOR

router = APIRouter(prefix="/services/v1/calendar-changes", tags=["calendar"])
Operator = Annotated[Caller, Depends(allow_of_whole(scope="staff", role=OPERATOR))]
Reader = Annotated[Caller, Depends(allow(scope="staff", role=(OPERATOR, AUDITOR)))]


@router.post("", status_code=201)
async def propose_calendar_change(
    tx: Tx, caller: Operator, once: OnceKey, body: schemas.NewCalendarChange
) -> schemas.CalendarChange:
    """Propose a change of working days, which another operator approves.

    Approved, it moves the promised days of open cases; working days that were counted already stay counted.
    """
    return await once.do(tx, caller, service.propose(tx, caller.id, body))


@router.get("")
async def list_calendar_changes(
    tx: ReadTx, _caller: Reader, page: PageQuery, status: CalendarChangeStatus | None = None
) -> Page[schemas.CalendarChange]:
    """List proposed and decided changes of the calendar, newest first."""
    query = select(CalendarChange)
    if status:
        query = query.where(CalendarChange.status == status)
    return await page_of(tx, query, page, CalendarChange.id, service.shown, newest_first=True)


@router.post("/{change_id}/approve")
async def approve_calendar_change(tx: Tx, caller: Operator, once: OnceKey, change_id: UUID) -> schemas.CalendarChange:
    """Approve another operator's change of the calendar."""
    return await once.do(tx, caller, service.approve(tx, caller, change_id))


@router.post("/{change_id}/reject")
async def reject_calendar_change(tx: Tx, caller: Operator, once: OnceKey, change_id: UUID) -> schemas.CalendarChange:
    """Reject a proposed change of the calendar, or withdraw one's own."""
    return await once.do(tx, caller, service.reject(tx, caller, change_id))
