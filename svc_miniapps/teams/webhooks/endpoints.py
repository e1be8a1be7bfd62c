from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.endpoint_urls import Endpoints
from svc_miniapps.teams.endpoints import CountyStaff
from svc_miniapps.teams.service import team_of_caller
from svc_miniapps.teams.webhooks import schemas, service
from svc_miniapps.teams.webhooks.models import TeamWebhook, WebhookAttempt, WebhookDelivery, WebhookStatus

router = APIRouter(prefix="/miniapps/v1/teams/{team_id}", tags=["webhooks"])


async def _endpoints(request: Request) -> Endpoints:
    return Endpoints(anywhere=request.app.state.settings.provider_endpoints == "any")


Allowed = Annotated[Endpoints, Depends(_endpoints)]


@router.put("/webhook")
async def set_webhook(
    tx: Tx, caller: CountyStaff, endpoints: Allowed, team_id: UUID, body: schemas.NewWebhook
) -> schemas.Webhook:
    """Set the endpoint that is told of results about the team's mini-apps, as a lead.

    A new address is sent its proof first, and nothing else before it has received that.
    """
    return _shown(await service.set_webhook(tx, endpoints, caller, team_id, body.url))


@router.get("/webhook")
async def get_webhook(tx: ReadTx, caller: CountyStaff, team_id: UUID) -> schemas.Webhook:
    """Get the team's endpoint, and how it fares."""
    return _shown(await service.webhook_of(tx, caller, team_id))


@router.delete("/webhook", status_code=204)
async def remove_webhook(tx: Tx, caller: CountyStaff, team_id: UUID) -> None:
    """Remove the team's endpoint, as a lead; what waits is given up."""
    await service.remove_webhook(tx, caller, team_id)


@router.post("/webhook/pause")
async def pause_webhook(tx: Tx, caller: CountyStaff, once: OnceKey, team_id: UUID) -> schemas.Webhook:
    """Pause deliveries to the team, as a lead. The 72 hours of what waits go on."""

    async def paused() -> schemas.Webhook:
        return _shown(await service.pause(tx, caller, team_id))

    return await once.do(tx, caller, paused())


@router.post("/webhook/resume")
async def resume_webhook(tx: Tx, caller: CountyStaff, once: OnceKey, team_id: UUID) -> schemas.Webhook:
    """Resume deliveries to the team, as a lead; where the endpoint was dead, one is tried at once."""

    async def resumed() -> schemas.Webhook:
        return _shown(await service.resume(tx, caller, team_id))

    return await once.do(tx, caller, resumed())


@router.get("/webhook-deliveries")
async def list_webhook_deliveries(
    tx: ReadTx, caller: CountyStaff, page: PageQuery, team_id: UUID, status: WebhookStatus | None = None
) -> Page[schemas.WebhookDelivery]:
    """List the deliveries to the team, newest first, for the 90 days that they are kept."""
    await team_of_caller(tx, caller, team_id)
    query = select(WebhookDelivery).where(WebhookDelivery.team_id == team_id)
    if status:
        query = query.where(WebhookDelivery.status == status)
    return await page_of(tx, query, page, WebhookDelivery.id, schemas.WebhookDelivery.of, newest_first=True)


@router.get("/webhook-deliveries/{delivery_id}/attempts")
async def list_webhook_attempts(
    tx: ReadTx, caller: CountyStaff, page: PageQuery, team_id: UUID, delivery_id: UUID
) -> Page[schemas.WebhookAttempt]:
    """List the tries of a delivery to the team, newest first."""
    await team_of_caller(tx, caller, team_id)
    await service.delivery_of(tx, team_id, delivery_id)
    query = select(WebhookAttempt).where(WebhookAttempt.delivery_id == delivery_id)
    shown = schemas.WebhookAttempt.model_validate
    return await page_of(tx, query, page, WebhookAttempt.id, shown, newest_first=True)


@router.post("/webhook-deliveries/{delivery_id}/repeat")
async def repeat_webhook_delivery(
    tx: Tx, caller: CountyStaff, once: OnceKey, team_id: UUID, delivery_id: UUID
) -> schemas.WebhookDelivery:
    """Repeat a delivery under its id, as a lead and once a minute; it is tried for another 72 hours."""

    async def repeated() -> schemas.WebhookDelivery:
        return schemas.WebhookDelivery.of(await service.repeat(tx, caller, team_id, delivery_id))

    return await once.do(tx, caller, repeated())


def _shown(webhook: TeamWebhook) -> schemas.Webhook:
    return schemas.Webhook.model_validate(webhook)
