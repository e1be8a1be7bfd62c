from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller, allow, anyone
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, PageRequest, page_of
from chassis.problems import NotFound
from kit.calendar import today_of
from kit.etags import NOT_MODIFIED, cacheable
from kit.fields.divisions import DivisionCode
from svc_services.callers import Resident
from svc_services.reference.models import UtilityKind
from svc_services.reference.service import require_divisions
from svc_services.supply.outages import presenters, queries, schemas, service
from svc_services.supply.outages.models import Outage, OutageStatus

router = APIRouter(prefix="/services/v1", tags=["outages"])
ProviderSystem = Annotated[Caller, Depends(allow(scope="accounts:write"))]
_public = [Depends(anyone(because="where supply is interrupted is public"))]
_SECONDS = 30
_LARGE = {"x-max-body-bytes": 131_072}


@router.post("/outages", status_code=201, openapi_extra=_LARGE)
async def announce_outage(
    tx: Tx, caller: ProviderSystem, once: OnceKey, body: schemas.NewOutage
) -> schemas.ReportedOutage:
    """Publish a planned or sudden outage of the company's supply.

    A planned one that comes later than the rule of its kind has it is published as short notice.
    """
    return await once.do(tx, caller, service.announce(tx, caller.id, body))


@router.post("/outages/{outage_id}/changes", openapi_extra=_LARGE)
async def change_outage(
    tx: Tx, caller: ProviderSystem, once: OnceKey, outage_id: UUID, body: schemas.OutageChange
) -> schemas.ReportedOutage:
    """Change an outage: its whole content anew. What was said before stays public as a version."""
    return await once.do(tx, caller, service.change(tx, caller.id, outage_id, body))


@router.post("/outages/{outage_id}/end")
async def end_outage(
    tx: Tx, caller: ProviderSystem, once: OnceKey, outage_id: UUID, body: schemas.OutageEnd
) -> schemas.Outage:
    """End an outage: supply is back."""
    return await once.do(tx, caller, service.end(tx, caller.id, outage_id, body.ended_at))


@router.post("/outages/{outage_id}/cancel")
async def cancel_outage(
    tx: Tx, caller: ProviderSystem, once: OnceKey, outage_id: UUID, body: schemas.OutageCancellation
) -> schemas.Outage:
    """Cancel an outage that has not begun."""
    return await once.do(tx, caller, service.cancel(tx, caller.id, outage_id, body.note))


async def _wanted(
    tx: ReadTx,
    kind: UtilityKind | None = None,
    division_code: DivisionCode | None = None,
    provider_id: UUID | None = None,
    status: Annotated[OutageStatus, Query(description="`announced`: coming or under way.")] = OutageStatus.ANNOUNCED,
) -> Select[Outage]:
    if division_code:
        await require_divisions(tx, [division_code])
    return queries.outages_where(kind, division_code, provider_id, status)


@router.get("/outages", dependencies=_public, response_model=Page[schemas.Outage], responses=NOT_MODIFIED)
async def list_outages(
    request: Request, tx: ReadTx, page: PageQuery, query: Annotated[Select[Outage], Depends(_wanted)]
) -> Response:
    """List outages by division and kind, the newest first.

    Without `status` those that are coming or under way.
    """
    return cacheable(request, await _page(tx, query, page), seconds=_SECONDS)


@router.get(
    "/outages/{outage_id}", dependencies=_public, response_model=schemas.OutageWithVersions, responses=NOT_MODIFIED
)
async def get_outage(request: Request, tx: ReadTx, outage_id: UUID) -> Response:
    """Get an outage with all that was said of it."""
    outage = await tx.get(Outage, outage_id)
    if outage is None:
        raise NotFound
    return cacheable(request, await presenters.with_versions(tx, outage), seconds=_SECONDS)


@router.get("/me/outages")
async def list_own_outages(
    tx: ReadTx, caller: Resident, page: PageQuery, status: OutageStatus | None = None
) -> Page[schemas.Outage]:
    """List the outages that concern the caller's accounts, the newest first."""
    query = queries.outages_of(caller.id, await today_of(tx))
    return await _page(tx, query.where(Outage.status == status) if status else query, page)


async def _page(tx: AsyncSession, query: Select[Outage], page: PageRequest) -> Page[schemas.Outage]:
    found = await page_of(tx, query, page, Outage.id, lambda outage: outage, newest_first=True)
    return Page(items=await presenters.all_shown(tx, found.items), next_cursor=found.next_cursor)
