"""The way of a gray release: named testers, a division, a percentage that only rises; then everybody, or nobody."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database, now
from chassis.problems import NotFound, Problem, checked_move
from kit.calendar import database_time
from svc_miniapps.apps.models import App
from svc_miniapps.publishing.gray import schemas
from svc_miniapps.publishing.gray.models import TRANSITIONS, GrayListing, Stage
from svc_miniapps.publishing.gray.service import end_gray, running_gray
from svc_miniapps.publishing.listings.service import listed_version_code
from svc_miniapps.publishing.releases.events import ReleaseGrayChanged, ReleaseGrayWithdrawn
from svc_miniapps.publishing.releases.models import Release, Status
from svc_miniapps.publishing.releases.schemas import Release as ReleaseAnswer
from svc_miniapps.publishing.releases.service import changed, get_release, own_locked, require_as_approved
from svc_miniapps.publishing.take_downs.queries import require_standing
from svc_miniapps.reference.divisions.models import PREFECTURE
from svc_miniapps.reference.divisions.service import require_division

LONGEST = timedelta(days=15)


class FirstVersionGoesFull(Problem):
    """Nobody has the app yet, so there is nothing that the others would keep."""

    status, code = 409, "first_version_goes_full"


class PercentageOnlyRises(Problem):
    status, code = 409, "percentage_only_rises"


class NoNarrowerDivision(Problem):
    """The app is of one county; all its residents are that division already."""

    status, code = 409, "no_narrower_division"


class StageIncomplete(Problem):
    status, code = 422, "stage_incomplete"


async def start_gray(tx: AsyncSession, caller: Caller, release_id: UUID) -> schemas.GrayRelease:
    """Give an approved release to the app's testers.

    Raises:
        NotFound, IllegalMove, NotWhatWasApproved, AppTakenDown, FirstVersionGoesFull
    """
    release = await own_locked(tx, caller, release_id)
    release.move_to(Status.GRAY)
    require_as_approved(release)
    await require_standing(tx, release.app_id)
    with tx.no_autoflush:
        if not await listed_version_code(tx, release.app_id):
            raise FirstVersionGoesFull
    started_at = now()
    gray = await tx.merge(
        GrayListing(
            app_id=release.app_id,
            release_id=release.id,
            package_id=release.package_id,
            division_code=release.app.division_code,
            category=release.category,
            name=release.app.name,
            short_description=release.short_description,
            languages=list(release.languages),
            stage=Stage.TESTERS,
            first_division_code=None,
            percent=0,
            started_at=started_at,
            ends_at=started_at + LONGEST,
            ended_at=None,
        )
    )
    return await _changed(tx, release, gray)


async def widen_gray(
    tx: AsyncSession, caller: Caller, release_id: UUID, widening: schemas.Widening
) -> schemas.GrayRelease:
    """Give a gray release to more persons.

    Raises:
        NotFound, IllegalMove, AppTakenDown, PercentageOnlyRises, NoNarrowerDivision, StageIncomplete, UnknownDivision
    """
    release = await own_locked(tx, caller, release_id)
    gray = await running_gray(tx, release.app_id)
    if gray is None or gray.release_id != release.id:
        raise NotFound
    await require_standing(tx, release.app_id)
    stage = checked_move(TRANSITIONS, Stage(gray.stage), Stage(widening.stage))
    if stage == Stage.DIVISION:
        gray.first_division_code = await _division_of(tx, gray, widening)
    else:
        gray.percent = _higher(gray, widening)
    gray.stage = stage
    return await _changed(tx, release, gray)


async def _division_of(tx: AsyncSession, gray: GrayListing, widening: schemas.Widening) -> str:
    if widening.division_code is None or widening.percent is not None:
        raise StageIncomplete
    await require_division(tx, widening.division_code)
    if gray.division_code != PREFECTURE or widening.division_code == PREFECTURE:
        raise NoNarrowerDivision
    return widening.division_code


def _higher(gray: GrayListing, widening: schemas.Widening) -> int:
    if widening.percent is None or widening.division_code is not None:
        raise StageIncomplete
    if widening.percent <= gray.percent:
        raise PercentageOnlyRises(percent=gray.percent)
    return widening.percent


async def withdraw_gray(tx: AsyncSession, caller: Caller, release_id: UUID) -> ReleaseAnswer:
    """Take a gray release back: everybody has the published one again.

    Raises:
        NotFound, IllegalMove
    """
    return await _withdraw(tx, await own_locked(tx, caller, release_id), cause="team")


async def _withdraw(tx: AsyncSession, release: Release, *, cause: str) -> ReleaseAnswer:
    release.move_to(Status.WITHDRAWN)
    await end_gray(tx, release.app_id)
    return await changed(tx, release, ReleaseGrayWithdrawn.of(release, cause=cause))


async def get_gray(tx: AsyncSession, caller: Caller, release_id: UUID) -> schemas.GrayRelease:
    """The gray release, also one that has ended, until the next one of the app.

    Raises:
        NotFound
    """
    release = await get_release(tx, caller, release_id)
    gray = await tx.get(GrayListing, release.app_id)
    if gray is None or gray.release_id != release.id:
        raise NotFound
    return schemas.GrayRelease.of(gray)


async def withdraw_overdue(database: Database) -> int:
    """Withdraw the gray releases whose time is over. Returns how many."""
    async with database.transaction() as tx:
        due = GrayListing.ended_at.is_(None), GrayListing.ends_at <= await database_time(tx)
        overdue = (await tx.scalars(select(GrayListing.app_id).where(*due).limit(100))).all()
    return sum([await _withdraw_overdue(database, app_id) for app_id in overdue])


async def _withdraw_overdue(database: Database, app_id: UUID) -> bool:
    async with database.transaction() as tx:
        await tx.execute(select(App.id).where(App.id == app_id).with_for_update())
        gray = await running_gray(tx, app_id)
        if gray is None or gray.ends_at > await database_time(tx):  # its team was quicker
            return False
        await _withdraw(tx, await tx.get_one(Release, gray.release_id), cause="time")
        return True


async def _changed(tx: AsyncSession, release: Release, gray: GrayListing) -> schemas.GrayRelease:
    about = {name: getattr(gray, name) for name in ("percent", "first_division_code", "ends_at")}
    await changed(tx, release, ReleaseGrayChanged.of(release, stage=str(gray.stage), **about))
    return schemas.GrayRelease.of(gray)
