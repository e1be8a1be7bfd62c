from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery, page_of
from kit.staff.reach import allow_of_whole
from svc_payments.oversight.incidents import models, schemas

router = APIRouter(prefix="/payments/v1", tags=["incidents"])


@router.get("/incidents", dependencies=[Depends(allow_of_whole(scope="staff", role=("operator", "auditor")))])
async def list_incidents(tx: ReadTx, page: PageQuery) -> Page[schemas.Incident]:
    """List incidents that need a person, newest first."""
    return await page_of(tx, select(models.Incident), page, models.Incident.id, schemas.shown, newest_first=True)
