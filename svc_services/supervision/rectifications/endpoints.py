from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_services.callers import Operator
from svc_services.supervision.readers import Rated, Reader, visible
from svc_services.supervision.rectifications import schemas, service
from svc_services.supervision.rectifications.models import Rectification, RectificationAction, RectificationStatus

router = APIRouter(prefix="/services/v1/rectifications", tags=["supervision"])


@router.get("")
async def list_rectifications(
    tx: ReadTx, caller: Reader, page: PageQuery, status: RectificationStatus | None = None, *, overdue: bool = False
) -> Page[schemas.RectificationSummary]:
    """List what bad ratings opened in one's divisions or of one's company, newest first."""
    query = select(Rectification).where(visible(caller, Rectification.division_code, Rectification.provider_id))
    if status:
        query = query.where(Rectification.status == status)
    if overdue:
        query = query.where(Rectification.level > 0)
    return await page_of(tx, query, page, Rectification.id, service.summary, newest_first=True)


@router.get("/{rectification_id}")
async def get_rectification(tx: ReadTx, caller: Reader, rectification_id: UUID) -> schemas.Rectification:
    """Get a rectification with each step."""
    return await service.shown(tx, caller, rectification_id)


@router.post("/{rectification_id}/answer")
async def answer_rectification(
    tx: Tx, caller: Rated, once: OnceKey, rectification_id: UUID, body: schemas.RectificationWords
) -> schemas.Rectification:
    """Record what was put right: a clerk of the division, or people of the provider."""
    return await once.do(tx, caller, service.answer(tx, caller, rectification_id, body.words))


@router.post("/{rectification_id}/pause")
async def pause_rectification(
    tx: Tx, caller: Operator, once: OnceKey, rectification_id: UUID, body: schemas.RectificationWords
) -> schemas.Rectification:
    """Suspend the working days, with the reason; those used up so far stay used up."""
    paused = service.steer(tx, caller, rectification_id, RectificationAction.PAUSE, body.words)
    return await once.do(tx, caller, paused)


@router.post("/{rectification_id}/resume")
async def resume_rectification(
    tx: Tx, caller: Operator, once: OnceKey, rectification_id: UUID, body: schemas.RectificationWords
) -> schemas.Rectification:
    """Resume the working days."""
    resumed = service.steer(tx, caller, rectification_id, RectificationAction.RESUME, body.words)
    return await once.do(tx, caller, resumed)


@router.post("/{rectification_id}/call-back")
async def record_call_back(
    tx: Tx, caller: Operator, once: OnceKey, rectification_id: UUID, body: schemas.NewCallBack
) -> schemas.Rectification:
    """Record what the applicant said when called back; `unsatisfied` opens the rectification again."""
    return await once.do(tx, caller, service.call_back(tx, caller, rectification_id, body))
