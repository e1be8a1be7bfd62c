from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis.auth import anyone
from chassis.db import ReadTx
from kit.etags import NOT_MODIFIED, cacheable
from svc_services.supervision.league import schemas, service
from svc_services.supervision.league.queries import Group

router = APIRouter(prefix="/services/v1", tags=["supervision"])
_public = [
    Depends(anyone(because="how quickly offices and companies decide is public, as figures of ten cases and more")),
]
_MINUTE = 60
Month = Annotated[str, Query(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-03"])]
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/league", dependencies=_public, response_model=schemas.League, responses=NOT_MODIFIED)
async def get_league(request: Request, tx: ReadTx, month: Month, by: Group) -> Response:
    """Get how many cases ended in a month, how many on time, in how many working days, and how they were rated."""
    return cacheable(request, await service.league_of(tx, _first(month), by), seconds=_MINUTE)


@router.get("/league-csv", dependencies=_public, response_class=Response, responses=_CSV)
async def download_league(tx: ReadTx, month: Month, by: Group) -> Response:
    """Download the figures of a month as CSV, for spreadsheet programs."""
    content = service.table_of(await service.league_of(tx, _first(month), by))
    headers = {
        "Content-Disposition": f'attachment; filename="league-{month}-{by}.csv"',
        "Cache-Control": f"public, max-age={_MINUTE}",
    }
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/complaint-figures", dependencies=_public, response_model=schemas.ComplaintFigures, responses=NOT_MODIFIED)
async def get_complaint_figures(
    request: Request, tx: ReadTx, month: Month, by: Literal[Group.PROVIDER, Group.DIVISION]
) -> Response:
    """Get how many complaints of a month were accepted, by provider or division."""
    figures = await service.complaint_figures_of(tx, _first(month), by)
    return cacheable(request, figures, seconds=_MINUTE)


def _first(month: str) -> date:
    return date.fromisoformat(f"{month}-01")
