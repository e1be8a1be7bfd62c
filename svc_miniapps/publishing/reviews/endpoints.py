from fastapi import APIRouter

from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery
from svc_miniapps.members import Reviewer
from svc_miniapps.publishing.reviews import schemas, service

router = APIRouter(prefix="/miniapps/v1", tags=["reviews"])


@router.get("/reviews")
async def list_waiting_reviews(tx: ReadTx, caller: Reviewer, page: PageQuery) -> Page[schemas.WaitingReview]:
    """List the releases that the caller may review, longest waiting first."""
    return await service.list_waiting_reviews(tx, caller, page)
