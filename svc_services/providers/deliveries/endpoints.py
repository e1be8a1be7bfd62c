"""Deliveries for operators and auditors, who only read."""

from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select

from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import NotFound
from svc_services.callers import in_reach
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections.endpoints import Reader
from svc_services.providers.deliveries import presenters, schemas
from svc_services.providers.deliveries.models import Delivery, DeliveryAttempt, DeliveryEndpoint, DeliveryStatus

router = APIRouter(prefix="/services/v1", tags=["deliveries"])


@router.get("/deliveries")
async def list_deliveries(
    tx: ReadTx,
    caller: Reader,
    page: PageQuery,
    provider_id: UUID | None = None,
    status: DeliveryStatus | None = None,
) -> Page[schemas.Delivery]:
    """List the deliveries to companies, newest first."""
    query = select(Delivery).join(Provider).where(in_reach(caller, Provider.division_codes))
    if provider_id:
        query = query.where(Delivery.provider_id == provider_id)
    if status:
        query = query.where(Delivery.status == status)
    return await page_of(tx, query, page, Delivery.id, presenters.shown, newest_first=True)


@router.get("/deliveries/{delivery_id}/attempts")
async def list_delivery_attempts(
    tx: ReadTx, caller: Reader, page: PageQuery, delivery_id: UUID
) -> Page[schemas.DeliveryAttempt]:
    """List the tries of a delivery, newest first, for the 90 days that they are kept."""
    within = in_reach(caller, Provider.division_codes)
    if await tx.scalar(select(Delivery.id).join(Provider).where(Delivery.id == delivery_id, within)) is None:
        raise NotFound
    query = select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == delivery_id)
    return await page_of(tx, query, page, DeliveryAttempt.id, presenters.attempt, newest_first=True)


@router.get("/delivery-endpoints")
async def list_delivery_endpoints(
    tx: ReadTx, caller: Reader, page: PageQuery, *, stalled: bool | None = None
) -> Page[schemas.DeliveryEndpoint]:
    """List how the endpoints of companies fare; `stalled=true` are the dead ones."""
    query = select(DeliveryEndpoint).join(Provider).where(in_reach(caller, Provider.division_codes))
    if stalled is not None:
        query = query.where(DeliveryEndpoint.stalled_at.is_not(None) == stalled)
    return await page_of(tx, query, page, DeliveryEndpoint.provider_id, presenters.endpoint)
