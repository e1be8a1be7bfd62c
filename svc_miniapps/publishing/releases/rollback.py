"""Back to one of the releases that residents had before."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import IllegalMove, Problem
from svc_miniapps.publishing.gray.service import running_gray
from svc_miniapps.publishing.releases import schemas
from svc_miniapps.publishing.releases.models import Release, Status
from svc_miniapps.publishing.releases.service import own_locked, publish

KEPT = 5


class GrayReleaseRunning(Problem):
    status, code = 409, "gray_release_running"


class TooLongAgo(Problem):
    status, code = 409, "release_too_long_ago"


async def roll_back(tx: AsyncSession, caller: Caller, release_id: UUID) -> schemas.Release:
    """Publish again one of the last five releases that residents had.

    Raises:
        NotFound, IllegalMove, NotWhatWasApproved, AppTakenDown
        GrayReleaseRunning: end the gray release first.
        TooLongAgo: it is none of the last five.
    """
    release = await own_locked(tx, caller, release_id)
    if release.status != Status.SUPERSEDED:
        raise IllegalMove(current=str(release.status), wanted=str(Status.PUBLISHED))
    if gray := await running_gray(tx, release.app_id):
        raise GrayReleaseRunning(other_release_id=str(gray.release_id))
    earlier = select(Release.id).where(Release.app_id == release.app_id, Release.status == Status.SUPERSEDED)
    if release.id not in set(await tx.scalars(earlier.order_by(Release.published_at.desc()).limit(KEPT))):
        raise TooLongAgo(count=KEPT)
    return await publish(tx, release, is_rollback=True)
