from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import NotFound
from kit.calendar import database_time, today_of
from svc_services.callers import AUDITOR, OPERATOR, Resident, in_reach
from svc_services.providers.applications.models import Provider
from svc_services.supply.arrears import presenters, queries, schemas, service
from svc_services.supply.arrears.models import ArrearsNotice, ArrearsStatus

router = APIRouter(prefix="/services/v1", tags=["arrears"])
ProviderSystem = Annotated[Caller, Depends(allow(scope="accounts:write"))]
Overseer = Annotated[Caller, Depends(allow(scope="staff", role=(OPERATOR, AUDITOR)))]
_NOTICE = "/arrears-notices/{notice_id}"


@router.post("/arrears-notices", status_code=201)
async def open_arrears_notice(
    tx: Tx, caller: ProviderSystem, once: OnceKey, body: schemas.NewArrearsNotice
) -> schemas.ReportedArrearsNotice:
    """Open a notice about unpaid bills of an account, with a last day to pay."""
    return await once.do(tx, caller, service.open_notice(tx, caller.id, body))


@router.get("/arrears-notices")
async def list_arrears_notices(
    tx: ReadTx, caller: ProviderSystem, page: PageQuery, status: ArrearsStatus | None = None
) -> Page[schemas.ReportedArrearsNotice]:
    """List the notices of the company, the newest first; those that wait for a reconnection by `status`."""
    query = select(ArrearsNotice).where(ArrearsNotice.provider_id == caller.id)
    query = query.where(ArrearsNotice.status == status) if status else query
    found = await page_of(tx, query, page, ArrearsNotice.id, lambda notice: notice, newest_first=True)
    provider = await tx.get(Provider, caller.id)
    items = await presenters.all_reported(tx, provider, found.items) if provider else []
    return Page(items=items, next_cursor=found.next_cursor)


@router.get(_NOTICE)
async def get_arrears_notice(tx: ReadTx, caller: ProviderSystem, notice_id: UUID) -> schemas.ReportedArrearsNotice:
    """Get a notice of the company."""
    return await service.own_notice(tx, caller.id, notice_id)


@router.post(f"{_NOTICE}/announce-cut-off")
async def announce_cut_off(
    tx: Tx, caller: ProviderSystem, once: OnceKey, notice_id: UUID, body: schemas.CutOffAnnouncement
) -> schemas.ReportedArrearsNotice:
    """Set the day from which supply is cut off, after the deadline and with the notice that its kind needs."""
    return await once.do(tx, caller, service.announce_cut_off(tx, caller.id, notice_id, body.cut_off_on))


@router.post(f"{_NOTICE}/cut-off")
async def report_cut_off(
    tx: Tx, caller: ProviderSystem, once: OnceKey, notice_id: UUID
) -> schemas.ReportedArrearsNotice:
    """Record a cut-off, before the valve is closed.

    It is `cut_off_pending` until what is due now is known, for some seconds: the notice is then `cut_off`, or was paid.
    """
    return await once.do(tx, caller, service.report_cut_off(tx, caller.id, notice_id))


@router.post(f"{_NOTICE}/reconnection")
async def report_reconnection(
    tx: Tx, caller: ProviderSystem, once: OnceKey, notice_id: UUID
) -> schemas.ReportedArrearsNotice:
    """Record that supply is back."""
    return await once.do(tx, caller, service.report_reconnection(tx, caller.id, notice_id))


@router.post(f"{_NOTICE}/withdraw")
async def withdraw_arrears_notice(
    tx: Tx, caller: ProviderSystem, once: OnceKey, notice_id: UUID
) -> schemas.ReportedArrearsNotice:
    """Withdraw a notice. Where supply is cut off, it has to be restored."""
    return await once.do(tx, caller, service.withdraw(tx, caller.id, notice_id))


@router.get("/me/arrears-notices")
async def list_own_arrears_notices(
    tx: ReadTx, caller: Resident, page: PageQuery, status: ArrearsStatus | None = None
) -> Page[schemas.ArrearsNotice]:
    """List the notices on the caller's accounts with each step, the newest first."""
    query = queries.notices_of(caller.id, await today_of(tx))
    query = query.where(ArrearsNotice.status == status) if status else query
    found = await page_of(tx, query, page, ArrearsNotice.id, lambda notice: notice, newest_first=True)
    return Page(items=await presenters.all_shown(tx, found.items), next_cursor=found.next_cursor)


@router.get("/me/arrears-notices/{notice_id}")
async def get_own_arrears_notice(tx: ReadTx, caller: Resident, notice_id: UUID) -> schemas.ArrearsNotice:
    """Get a notice on an account of the caller with each step."""
    query = queries.notices_of(caller.id, await today_of(tx)).where(ArrearsNotice.id == notice_id)
    found = await tx.scalar(query)
    if found is None:
        raise NotFound
    (shown,) = await presenters.all_shown(tx, [found])
    return shown


@router.get("/late-reconnections")
async def list_late_reconnections(tx: ReadTx, caller: Overseer, page: PageQuery) -> Page[schemas.LateReconnection]:
    """List reconnections that are over their time, oldest notice first: those of companies of one's divisions."""
    moment = await database_time(tx)
    late = select(ArrearsNotice).where(
        ArrearsNotice.status == ArrearsStatus.RECONNECTING,
        ArrearsNotice.reconnect_by < moment,
        ArrearsNotice.provider_id.in_(select(Provider.id).where(in_reach(caller, Provider.division_codes))),
    )
    found = await page_of(tx, late, page, ArrearsNotice.id, lambda notice: notice)
    return Page(items=await presenters.all_late(tx, found.items, moment), next_cursor=found.next_cursor)
