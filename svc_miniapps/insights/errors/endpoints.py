from uuid import UUID

from fastapi import APIRouter

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_miniapps.insights.callers import Person
from svc_miniapps.insights.errors import schemas, service
from svc_miniapps.members import TeamMember

router = APIRouter(prefix="/miniapps/v1", tags=["figures"])


@router.post("/me/app-errors", status_code=201)
async def report_app_error(tx: Tx, caller: Person, once: OnceKey, body: schemas.NewAppError) -> schemas.AppErrorReceipt:
    """Add an error of a mini-app on the signed-in person's phone to its counts. Who reported it is not kept."""
    return await once.do(tx, caller, service.report_error(tx, caller.id, body))


@router.get("/apps/{app_id}/errors")
async def list_app_errors(tx: ReadTx, caller: TeamMember, page: PageQuery, app_id: UUID) -> Page[schemas.AppError]:
    """List the errors that phones have reported of a mini-app of the caller's team, by page and code, newest first."""
    return await service.list_errors(tx, caller, app_id, page)
