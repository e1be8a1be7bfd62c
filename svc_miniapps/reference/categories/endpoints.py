from fastapi import APIRouter, Depends

from chassis.auth import anyone
from chassis.db import ReadTx
from chassis.pagination import Page
from svc_miniapps.reference.categories import schemas, service

router = APIRouter(prefix="/miniapps/v1", tags=["categories"])


@router.get("/categories", dependencies=[Depends(anyone(because="the kinds of mini-apps are public"))])
async def list_categories(tx: ReadTx) -> Page[schemas.Category]:
    """List the seven categories of mini-apps, in the prefecture's order."""
    return await service.list_categories(tx)
