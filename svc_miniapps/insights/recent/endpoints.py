from uuid import UUID

from fastapi import APIRouter

from chassis.db import ReadTx, Tx
from svc_miniapps.insights.callers import Person
from svc_miniapps.insights.recent import schemas, service

router = APIRouter(prefix="/miniapps/v1/me", tags=["recently used"])


@router.get("/recent-apps")
async def list_recent_apps(tx: ReadTx, caller: Person) -> schemas.RecentApps:
    """List the mini-apps that the signed-in person has opened, the last one first."""
    return await service.recent_apps(tx, caller.id)


@router.put("/recent-apps")
async def set_recent_apps(tx: Tx, caller: Person, body: schemas.RecentAppsChoice) -> schemas.RecentApps:
    """Set whether openings are kept for the person's list; switching it off deletes the list."""
    return await service.choose(tx, caller.id, enabled=body.enabled)


@router.delete("/recent-apps", status_code=204)
async def delete_recent_apps(tx: Tx, caller: Person) -> None:
    """Remove the person's list of recently used mini-apps."""
    await service.forget(tx, caller.id)


@router.delete("/recent-apps/{app_id}", status_code=204)
async def delete_recent_app(tx: Tx, caller: Person, app_id: UUID) -> None:
    """Remove one mini-app from the person's list."""
    await service.forget(tx, caller.id, app_id)
