"""Deliveries for the people of a company: all of them read, admins repeat and pause."""

from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_services.providers.deliveries import presenters, schemas, service
from svc_services.providers.deliveries.models import Delivery, DeliveryAttempt, DeliveryStatus
from svc_services.providers.own_company.endpoints import Admin, Member
from svc_services.providers.own_company.service import ADMIN, OPERATOR, own_provider

router = APIRouter(prefix="/services/v1/me/providers/{provider_id}", tags=["deliveries"])


@router.get("/deliveries")
async def list_own_deliveries(
    tx: ReadTx, caller: Member, page: PageQuery, provider_id: UUID, status: DeliveryStatus | None = None
) -> Page[schemas.Delivery]:
    """List the deliveries to an own provider, newest first."""
    await own_provider(tx, caller, provider_id, ADMIN, OPERATOR)
    query = select(Delivery).where(Delivery.provider_id == provider_id)
    if status:
        query = query.where(Delivery.status == status)
    return await page_of(tx, query, page, Delivery.id, presenters.shown, newest_first=True)


@router.get("/deliveries/{delivery_id}")
async def get_own_delivery(tx: ReadTx, caller: Member, provider_id: UUID, delivery_id: UUID) -> schemas.Delivery:
    """Get a delivery to an own provider."""
    await own_provider(tx, caller, provider_id, ADMIN, OPERATOR)
    return presenters.shown(await service.delivery_of(tx, provider_id, delivery_id))


@router.get("/deliveries/{delivery_id}/attempts")
async def list_own_delivery_attempts(
    tx: ReadTx, caller: Member, page: PageQuery, provider_id: UUID, delivery_id: UUID
) -> Page[schemas.DeliveryAttempt]:
    """List the tries of a delivery to an own provider, newest first, for the 90 days that they are kept."""
    await own_provider(tx, caller, provider_id, ADMIN, OPERATOR)
    await service.delivery_of(tx, provider_id, delivery_id)
    query = select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == delivery_id)
    return await page_of(tx, query, page, DeliveryAttempt.id, presenters.attempt, newest_first=True)


@router.post("/deliveries/{delivery_id}/repeat")
async def repeat_own_delivery(
    tx: Tx, caller: Admin, once: OnceKey, provider_id: UUID, delivery_id: UUID
) -> schemas.Delivery:
    """Repeat a delivery under its id, once a minute: one given up or received is sent again, one that waits at once.

    It is tried for another 72 hours. Of its subject, later deliveries that wait follow it.
    """

    async def repeat() -> schemas.Delivery:
        await own_provider(tx, caller, provider_id, ADMIN)
        return presenters.shown(await service.repeat(tx, caller, provider_id, delivery_id))

    return await once.do(tx, caller, repeat())


@router.post("/deliveries/repeat")
async def repeat_own_deliveries(
    tx: Tx, caller: Admin, once: OnceKey, provider_id: UUID, body: schemas.DeliveriesSince
) -> schemas.RepeatedDeliveries:
    """Repeat what was given up since a time, 500 at once and once a minute, the oldest first."""

    async def repeat() -> schemas.RepeatedDeliveries:
        await own_provider(tx, caller, provider_id, ADMIN)
        repeated, more = await service.repeat_given_up(tx, caller, provider_id, body.since)
        return schemas.RepeatedDeliveries(repeated=repeated, more=more)

    return await once.do(tx, caller, repeat())


@router.get("/delivery-endpoint")
async def get_own_delivery_endpoint(tx: ReadTx, caller: Member, provider_id: UUID) -> schemas.DeliveryEndpoint:
    """Get how the endpoint of an own provider fares."""
    await own_provider(tx, caller, provider_id, ADMIN, OPERATOR)
    return presenters.endpoint(await service.endpoint_of(tx, provider_id))


@router.post("/delivery-endpoint/pause")
async def pause_own_deliveries(tx: Tx, caller: Admin, once: OnceKey, provider_id: UUID) -> schemas.DeliveryEndpoint:
    """Pause deliveries to an own provider, such as for maintenance. The 72 hours of what waits go on."""

    async def pause() -> schemas.DeliveryEndpoint:
        await own_provider(tx, caller, provider_id, ADMIN)
        return presenters.endpoint(await service.pause(tx, caller, provider_id))

    return await once.do(tx, caller, pause())


@router.post("/delivery-endpoint/resume")
async def resume_own_deliveries(tx: Tx, caller: Admin, once: OnceKey, provider_id: UUID) -> schemas.DeliveryEndpoint:
    """Resume deliveries to an own provider; where its endpoint was dead, one is tried at once."""

    async def resume() -> schemas.DeliveryEndpoint:
        await own_provider(tx, caller, provider_id, ADMIN)
        return presenters.endpoint(await service.resume(tx, caller, provider_id))

    return await once.do(tx, caller, resume())
