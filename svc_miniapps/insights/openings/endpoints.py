from uuid import UUID

from fastapi import APIRouter

from chassis.db import Tx
from svc_miniapps.insights.callers import Person
from svc_miniapps.insights.openings import schemas, service

router = APIRouter(prefix="/miniapps/v1/me", tags=["recently used"])


@router.put("/recent-apps/{app_id}", status_code=204)
async def report_opening(tx: Tx, caller: Person, app_id: UUID, body: schemas.Opened) -> None:
    """Add an opening of a mini-app: it is counted, and comes first in the person's own list if that is on.

    The count does not keep who opened what.
    """
    await service.report_opening(tx, caller.id, app_id, body)
