"""Uploading and downloading the files of reviews: checked by their bytes, and served to be saved."""

import hashlib
from functools import partial
from typing import Any
from uuid import UUID

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Response
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from chassis.auth import Caller
from chassis.db import Database, now
from chassis.problems import NotFound, Problem
from kit.files.documents import DocumentType, checked
from svc_miniapps import members
from svc_miniapps.publishing.releases.service import get_release
from svc_miniapps.publishing.reviews import schemas
from svc_miniapps.publishing.reviews.claims import waiting_review
from svc_miniapps.publishing.reviews.models import Outcome, Review, ReviewFile
from svc_miniapps.publishing.reviews.service import require_unclaimed

MAX_BYTES = 2 * 1024 * 1024
MOST_FILES = 20
"""Of one review."""
_AT_ONCE = CapacityLimiter(2)
"""A check costs a core for a moment."""
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
CONTENT = {kind.value: _BINARY for kind in DocumentType}


class TooManyReviewFiles(Problem):
    status, code = 409, "too_many_review_files"


async def add_file(database: Database, caller: Caller, release_id: UUID, content: bytes) -> schemas.ReviewFile:
    """Keep a file for the waiting review of a release; the same one again changes nothing.

    Raises:
        NotFound, IllegalMove, ReviewClaimed, TooManyReviewFiles; and as `require_independent`
        DocumentUnknown, DocumentAmbiguous, DocumentDamaged, DocumentActive, DocumentTooLarge
    """
    async with database.transaction() as tx:
        await _own_waiting(tx, caller, release_id)
    kind = await anyio.to_thread.run_sync(partial(checked, content), limiter=_AT_ONCE)
    file = schemas.ReviewFile(sha256=hashlib.sha256(content).hexdigest(), media_type=kind, size_bytes=len(content))
    async with database.transaction() as tx:
        review = await _own_waiting(tx, caller, release_id)
        known = set(await tx.scalars(select(ReviewFile.sha256).where(ReviewFile.review_id == review.id)))
        if file.sha256 not in known and len(known) >= MOST_FILES:
            raise TooManyReviewFiles(limit=MOST_FILES)
        about = {"review_id": review.id, "uploaded_by": caller.id, "uploaded_at": now()}
        row = insert(ReviewFile).values(content=content, **about, **file.model_dump())
        await tx.execute(row.on_conflict_do_nothing())
    return file


async def _own_waiting(tx: AsyncSession, caller: Caller, release_id: UUID) -> Review:
    review = await waiting_review(tx, caller, release_id)
    await require_unclaimed(tx, caller, review.release)
    return review


async def download(tx: AsyncSession, caller: Caller, release_id: UUID, sha256: str) -> Response:
    """A file of a release's reviews; its team gets those that a rejection cites.

    Raises:
        NotFound
    """
    release = await get_release(tx, caller, release_id)
    query = select(ReviewFile).join(Review, Review.id == ReviewFile.review_id)
    query = query.where(Review.release_id == release.id, ReviewFile.sha256 == sha256)
    if not members.reviews_in(caller, release.app.division_code):
        query = query.where(Review.outcome == Outcome.REJECTED)
    file = await tx.scalar(query.options(undefer(ReviewFile.content)).limit(1))
    if file is None:
        raise NotFound
    headers = {
        "Content-Disposition": f'attachment; filename="review-{sha256[:12]}.{DocumentType(file.media_type).extension}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(file.content, media_type=file.media_type, headers=headers)
