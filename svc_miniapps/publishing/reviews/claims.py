"""Which reviewer is at a release, so that no two do the same work. A claim ends by itself."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import IllegalMove, NotFound
from kit.calendar import database_time
from svc_miniapps.publishing.releases.service import locked
from svc_miniapps.publishing.reviews import schemas
from svc_miniapps.publishing.reviews.models import Outcome, Review
from svc_miniapps.publishing.reviews.service import CLAIM, require_independent, require_unclaimed


async def claim_review(tx: AsyncSession, caller: Caller, release_id: UUID) -> schemas.WaitingReview:
    """Claim the waiting review of a release for four hours, or for four more.

    Raises:
        NotFound, IllegalMove, ReviewClaimed; and as `require_independent`.
    """
    review = await waiting_review(tx, caller, release_id)
    await require_unclaimed(tx, caller, review.release)
    moment = await database_time(tx)
    review.claimed_by, review.claimed_until = caller.id, moment + CLAIM
    await tx.flush()
    return schemas.WaitingReview.of(review, moment)


async def return_review(tx: AsyncSession, caller: Caller, release_id: UUID) -> schemas.WaitingReview:
    """Give a claim up. Raises as `claim_review` does."""
    review = await waiting_review(tx, caller, release_id)
    await require_unclaimed(tx, caller, review.release)
    review.claimed_by = review.claimed_until = None
    await tx.flush()
    return schemas.WaitingReview.of(review, await database_time(tx))


async def waiting_review(tx: AsyncSession, caller: Caller, release_id: UUID) -> Review:
    """The review that waits for a decision on a release, as somebody who may decide it; the app is locked.

    Raises:
        NotFound, IllegalMove; and as `require_independent`.
    """
    release = await locked(tx, release_id)
    if not release.reviews:
        raise NotFound
    await require_independent(tx, caller, release)
    review = release.reviews[-1]
    if review.outcome != Outcome.WAITING:
        raise IllegalMove(current=str(review.outcome), wanted=str(Outcome.WAITING))
    return review
