from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery
from chassis.text import Day
from svc_miniapps.insights.figures import schemas, service
from svc_miniapps.members import TeamMember

router = APIRouter(prefix="/miniapps/v1/apps/{app_id}", tags=["figures"])
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/figures")
async def list_app_figures(tx: ReadTx, caller: TeamMember, page: PageQuery, app_id: UUID) -> Page[schemas.AppFigure]:
    """List how often each version of the team's mini-app was opened on each day that is over, newest first.

    People are counted in groups of ten and more.
    """
    return await service.list_figures(tx, caller, app_id, page)


@router.get("/figures-csv", response_class=Response, responses=_CSV)
async def download_app_figures(
    tx: ReadTx,
    caller: TeamMember,
    app_id: UUID,
    first_day: Annotated[Day, Query()],
    last_day: Annotated[Day, Query(description="At most 92 days with the first one.")],
) -> Response:
    """Download the figures of some days as CSV, for spreadsheet programs."""
    content = await service.table_of(tx, caller, app_id, first_day, last_day)
    headers = {"Content-Disposition": f'attachment; filename="figures-{first_day}-{last_day}.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/review-times")
async def list_review_times(tx: ReadTx, caller: TeamMember, page: PageQuery, app_id: UUID) -> Page[schemas.ReviewTime]:
    """List how many working days the reviews of the team's mini-app took, newest first."""
    return await service.review_times(tx, caller, app_id, page)
