from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from sqlalchemy import select

from chassis.auth import anyone
from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import NotFound
from kit.etags import NOT_MODIFIED, cacheable
from svc_services.reference import models, schemas

router = APIRouter(
    prefix="/services/v1",
    tags=["catalogue"],
    dependencies=[Depends(anyone(because="reference data is public"))],
    responses=NOT_MODIFIED,
)
_HOUR = 3_600


@router.get("/utility-kinds", response_model=Page[schemas.UtilityKindEntry])
async def list_utility_kinds(request: Request, tx: ReadTx, page: PageQuery) -> Response:
    """List the kinds of public utilities, with their names."""
    entry = models.UtilityKindEntry
    found = await page_of(tx, select(entry), page, entry.kind, schemas.UtilityKindEntry.model_validate)
    return cacheable(request, found, seconds=_HOUR)


@router.get("/divisions", response_model=Page[schemas.Division])
async def list_divisions(request: Request, tx: ReadTx, page: PageQuery) -> Response:
    """List the prefecture and its counties and cities (GB/T 2260)."""
    division = models.Division
    found = await page_of(tx, select(division), page, division.code, schemas.Division.model_validate)
    return cacheable(request, found, seconds=_HOUR)


@router.get("/divisions/{code}/townships", response_model=Page[schemas.Township])
async def list_townships(
    request: Request, tx: ReadTx, page: PageQuery, code: Annotated[str, Path(pattern="^[0-9]{6}$")]
) -> Response:
    """List the townships and subdistricts of a division."""
    if await tx.get(models.Division, code) is None:
        raise NotFound
    township = models.Township
    query = select(township).where(township.division_code == code)
    found = await page_of(tx, query, page, township.code, schemas.Township.model_validate)
    return cacheable(request, found, seconds=_HOUR)
