from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_services.callers import AUDITOR, OPERATOR, Operator
from svc_services.supervision.ratings import appeals, schemas, service
from svc_services.supervision.ratings.models import AppealStatus, Rating, RatingAppeal, Stage
from svc_services.supervision.readers import Rated, Reader, visible

router = APIRouter(prefix="/services/v1", tags=["supervision"])
Applicant = Annotated[Caller, Depends(allow(scope="applications", assurance_level=2))]
Grade = Annotated[int | None, Query(ge=1, le=5)]


@router.post("/applications/{application_id}/ratings", status_code=201)
async def rate_application(
    tx: Tx, caller: Applicant, once: OnceKey, application_id: UUID, body: schemas.NewRating
) -> schemas.OwnRating:
    """Add a rating of a stage of one's own application.

    A stage is rated once, and once more after what was bad has been put right.
    """
    return await once.do(tx, caller, service.rate(tx, caller.id, application_id, body))


@router.get("/applications/{application_id}/ratings")
async def list_own_ratings(tx: ReadTx, caller: Applicant, application_id: UUID) -> schemas.OwnRatings:
    """List one's ratings of an application, and which stages can be rated now."""
    return await service.own_ratings(tx, caller.id, application_id)


@router.get("/ratings")
async def list_received_ratings(
    tx: ReadTx, caller: Reader, page: PageQuery, grade: Grade = None, stage: Stage | None = None
) -> Page[schemas.ReceivedRating]:
    """List the ratings of one's divisions or of one's company, in no order of time.

    Nothing in them says who rated, of which case, or on which day.
    """
    query = select(Rating).where(visible(caller, Rating.division_code, Rating.provider_id))
    if grade:
        query = query.where(Rating.grade == grade)
    if stage:
        query = query.where(Rating.stage == stage)
    return await page_of(tx, query, page, Rating.id, service.received)


@router.post("/ratings/{rating_id}/appeal", status_code=201)
async def appeal_rating(
    tx: Tx, caller: Rated, once: OnceKey, rating_id: UUID, body: schemas.NewAppeal
) -> schemas.RatingAppeal:
    """Request that a rating of one's division or company is set aside; an operator decides."""
    return await once.do(tx, caller, appeals.appeal(tx, caller, rating_id, body.reason))


@router.get("/rating-appeals")
async def list_rating_appeals(
    tx: ReadTx,
    caller: Annotated[Caller, Depends(allow(scope="staff", role=(OPERATOR, AUDITOR)))],
    page: PageQuery,
    status: AppealStatus | None = None,
) -> Page[schemas.RatingAppeal]:
    """List the appeals of ratings in one's divisions, newest first."""
    query = select(RatingAppeal).join(Rating, Rating.id == RatingAppeal.rating_id)
    query = query.where(visible(caller, RatingAppeal.division_code, Rating.provider_id))
    if status:
        query = query.where(RatingAppeal.status == status)
    return await page_of(tx, query, page, RatingAppeal.id, appeals.shown, newest_first=True)


@router.post("/rating-appeals/{appeal_id}/decide")
async def decide_rating_appeal(
    tx: Tx, caller: Operator, once: OnceKey, appeal_id: UUID, body: schemas.AppealDecision
) -> schemas.RatingAppeal:
    """Accept or dismiss an appeal, as somebody who had no part in the case."""
    return await once.do(tx, caller, appeals.decide(tx, caller, appeal_id, body))
