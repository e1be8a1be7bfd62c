"""Files that a reviewer adds to reasons: kept with the review that cites them, and no others."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from svc_miniapps.publishing.reviews.models import Review, ReviewFile
from svc_miniapps.publishing.reviews.schemas import Reason


class UnknownReviewFile(Problem):
    """A reason cites a file that was not uploaded for this review."""

    status, code = 422, "unknown_review_file"


async def keep_cited(tx: AsyncSession, review: Review, reasons: Sequence[Reason] = ()) -> None:
    """Keep the files that the reasons of an ended review cite, and delete its others.

    Raises:
        UnknownReviewFile
    """
    cited = {sha256 for reason in reasons for sha256 in reason.files}
    of_review = ReviewFile.review_id == review.id
    with tx.no_autoflush:  # the move of the release is written with its review
        uploaded = set(await tx.scalars(select(ReviewFile.sha256).where(of_review)))
        if missing := cited - uploaded:
            raise UnknownReviewFile(sha256=min(missing))
        await tx.execute(delete(ReviewFile).where(of_review, ReviewFile.sha256.not_in(cited)))
