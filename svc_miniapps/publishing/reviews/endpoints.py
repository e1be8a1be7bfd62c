from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from kit.fields.divisions import DivisionCode
from svc_miniapps.fields import Code
from svc_miniapps.members import Reviewer, TeamMemberOrReviewer
from svc_miniapps.publishing.reviews import claims, queue, schemas
from svc_miniapps.publishing.reviews.checklist import checklist
from svc_miniapps.publishing.reviews.clock import Flag

router = APIRouter(prefix="/miniapps/v1", tags=["reviews"])


@router.get("/reviews")
async def list_waiting_reviews(
    tx: ReadTx,
    caller: Reviewer,
    page: PageQuery,
    flag: Annotated[Flag | None, Query()] = None,
    claimed: Annotated[schemas.Claimed | None, Query()] = None,
    category: Annotated[Code | None, Query()] = None,
    division_code: Annotated[DivisionCode | None, Query()] = None,
) -> Page[schemas.WaitingReview]:
    """List the releases that the caller may review, those that are due first leading.

    A late one is `red`, one that soon is `yellow`.
    """
    filters = schemas.QueueFilters(flag=flag, claimed=claimed, category=category, division_code=division_code)
    return await queue.list_waiting_reviews(tx, caller, filters, page)


@router.get("/review-checklist")
async def list_review_checklist(caller: TeamMemberOrReviewer) -> Page[schemas.ChecklistItem]:
    """List what reviewers check of every release, in each language."""
    del caller
    items = [schemas.ChecklistItem(item=item, texts=dict(texts)) for item, texts in checklist().items()]
    return Page(items=items, next_cursor=None)


@router.post("/releases/{release_id}/claim")
async def claim_review(tx: Tx, caller: Reviewer, once: OnceKey, release_id: UUID) -> schemas.WaitingReview:
    """Claim the review of a release for four hours; until then no other reviewer decides it."""
    return await once.do(tx, caller, claims.claim_review(tx, caller, release_id))


@router.post("/releases/{release_id}/return")
async def return_review(tx: Tx, caller: Reviewer, once: OnceKey, release_id: UUID) -> schemas.WaitingReview:
    """Withdraw the caller's claim of a review."""
    return await once.do(tx, caller, claims.return_review(tx, caller, release_id))
