from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from kit.fields.divisions import DivisionCode
from kit.uploads.bodies import whole_body
from kit.uploads.contract import CONTENT_DIGEST, REPR_DIGEST
from kit.uploads.digests import fitting
from svc_miniapps.fields import Code
from svc_miniapps.members import Reviewer, TeamMemberOrReviewer
from svc_miniapps.publishing.reviews import claims, queue, schemas
from svc_miniapps.publishing.reviews.attachments import CONTENT, MAX_BYTES, add_file, download
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


@router.put(
    "/releases/{release_id}/review-files",
    openapi_extra={
        "parameters": [REPR_DIGEST, CONTENT_DIGEST],
        "requestBody": {"required": True, "content": CONTENT},
        "x-max-body-bytes": MAX_BYTES,
    },
)
async def upload_review_file(
    request: Request, transactions: Transactions, caller: Reviewer, release_id: UUID
) -> schemas.ReviewFile:
    """Upload a file, such as a screenshot, which the reasons of a rejection then cite by its digest.

    Told by its bytes. A file that no reason cites is deleted with the decision.
    """
    body = fitting(whole_body(request), request.headers, "Content-Digest", "Repr-Digest")
    content = b"".join([piece async for piece in body])
    return await add_file(transactions, caller, release_id, content)


@router.get(
    "/releases/{release_id}/review-files/{sha256}",
    response_class=Response,
    responses={200: {"description": "The file, to be saved.", "content": CONTENT}},
)
async def download_review_file(
    tx: ReadTx, caller: TeamMemberOrReviewer, release_id: UUID, sha256: schemas.Digest
) -> Response:
    """Download a file of a review: as its reviewers, or as the team whose release was rejected with it."""
    return await download(tx, caller, release_id, sha256)


@router.post("/releases/{release_id}/claim")
async def claim_review(tx: Tx, caller: Reviewer, once: OnceKey, release_id: UUID) -> schemas.WaitingReview:
    """Claim the review of a release for four hours; until then no other reviewer decides it."""
    return await once.do(tx, caller, claims.claim_review(tx, caller, release_id))


@router.post("/releases/{release_id}/return")
async def return_review(tx: Tx, caller: Reviewer, once: OnceKey, release_id: UUID) -> schemas.WaitingReview:
    """Withdraw the caller's claim of a review."""
    return await once.do(tx, caller, claims.return_review(tx, caller, release_id))
