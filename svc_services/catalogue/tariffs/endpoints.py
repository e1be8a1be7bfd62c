from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis.auth import Caller, allow, anyone
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.etags import NOT_MODIFIED, cacheable
from kit.fields.divisions import DivisionCode
from svc_services.catalogue.tariffs import schemas, service
from svc_services.catalogue.tariffs.models import Tariff
from svc_services.catalogue.tariffs.queries import tariffs_where
from svc_services.fields import Day
from svc_services.reference.models import UtilityKind
from svc_services.reference.service import require_divisions

router = APIRouter(prefix="/services/v1/tariffs", tags=["tariffs"])
Publisher = Annotated[Caller, Depends(allow(scope="tariffs:write"))]
_public = [Depends(anyone(because="prices of public utilities are public"))]
_MINUTE = 60


@router.post("", status_code=201, openapi_extra={"x-max-body-bytes": 65_536})
async def publish_tariff(tx: Tx, caller: Publisher, once: OnceKey, body: schemas.NewTariff) -> schemas.Tariff:
    """Publish a tariff that applies from a day on.

    A later one supersedes it. One that has not begun and has a mistake is replaced by naming it in `replaces`.
    """
    return await once.do(tx, caller, service.publish(tx, caller.id, body))


@router.post("/{tariff_id}/withdraw")
async def withdraw_tariff(tx: Tx, caller: Publisher, once: OnceKey, tariff_id: UUID) -> schemas.Tariff:
    """Withdraw a tariff before its day.

    The tariff before it stays in force. It is no longer listed, but can still be read by its id.
    """
    return await once.do(tx, caller, service.withdraw(tx, caller.id, tariff_id))


@router.get("", dependencies=_public, response_model=Page[schemas.Tariff], responses=NOT_MODIFIED)
async def list_tariffs(
    request: Request,
    tx: ReadTx,
    page: PageQuery,
    provider_id: UUID | None = None,
    kind: UtilityKind | None = None,
    division_code: DivisionCode | None = None,
    on: Annotated[Day | None, Query(description="Only tariffs in force on this day.")] = None,
) -> Response:
    """List published tariffs: all, or those in force on a day."""
    if division_code:
        await require_divisions(tx, [division_code])
    query = tariffs_where(provider_id, kind, division_code, on)
    return cacheable(request, await page_of(tx, query, page, Tariff.id, service.shown), seconds=_MINUTE)


@router.get("/{tariff_id}", dependencies=_public, response_model=schemas.Tariff, responses=NOT_MODIFIED)
async def get_tariff(request: Request, tx: ReadTx, tariff_id: UUID) -> Response:
    """Get a published tariff."""
    return cacheable(request, service.shown(await service.tariff_of(tx, tariff_id)), seconds=_MINUTE)
