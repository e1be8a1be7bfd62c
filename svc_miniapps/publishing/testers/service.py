"""Testers whom a team names, and trials: a QR code that opens one version for one of them, for a week."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id, now
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import IllegalMove, NotFound, Problem
from kit.calendar import database_time
from kit.papers.qr import drawn
from svc_miniapps.apps.service import get_app, lock_app
from svc_miniapps.packages.models import Package
from svc_miniapps.publishing.releases.models import Release, Status
from svc_miniapps.publishing.releases.service import own_locked
from svc_miniapps.publishing.take_downs.queries import is_taken_down
from svc_miniapps.publishing.testers import schemas
from svc_miniapps.publishing.testers.models import Tester, Trial

MOST_TESTERS = 100
LASTS = timedelta(days=7)
_OVER = {Status.WITHDRAWN, Status.SUPERSEDED}


class TooManyTesters(Problem):
    status, code = 409, "too_many_testers"


class NotATester(Problem):
    status, code = 409, "not_a_tester"


class TrialNotYours(Problem):
    """One answer for a token of somebody else, of nobody, and one that has ended: it tells nothing."""

    status, code = 404, "trial_not_open"


async def name_tester(tx: AsyncSession, caller: Caller, app_id: UUID, person_id: UUID) -> schemas.Tester:
    """Name a tester of the team's app; naming one again changes nothing.

    Raises:
        NotFound, TooManyTesters
    """
    await lock_app(tx, caller, app_id)
    if (tester := await tx.get(Tester, (app_id, person_id))) is None:
        named = await tx.scalars(select(Tester.person_id).where(Tester.app_id == app_id))
        if len(named.all()) >= MOST_TESTERS:
            raise TooManyTesters(limit=MOST_TESTERS)
        tester = Tester(app_id=app_id, person_id=person_id, named_by=caller.id)
        tx.add(tester)
        await tx.flush()
    return schemas.Tester.model_validate(tester)


async def remove_tester(tx: AsyncSession, caller: Caller, app_id: UUID, person_id: UUID) -> None:
    """Remove a tester, with their trials."""
    await lock_app(tx, caller, app_id)
    of_app = select(Release.id).where(Release.app_id == app_id)
    await tx.execute(delete(Trial).where(Trial.person_id == person_id, Trial.release_id.in_(of_app)))
    await tx.execute(delete(Tester).where(Tester.app_id == app_id, Tester.person_id == person_id))


async def end_trials_of(tx: AsyncSession, app_id: UUID) -> None:
    """Remove all testers and trials of an app whose team changes; the app is locked by the caller."""
    of_app = select(Release.id).where(Release.app_id == app_id)
    await tx.execute(delete(Trial).where(Trial.release_id.in_(of_app)))
    await tx.execute(delete(Tester).where(Tester.app_id == app_id))


async def list_testers(tx: AsyncSession, caller: Caller, app_id: UUID, page: PageRequest) -> Page[schemas.Tester]:
    app = await get_app(tx, caller, app_id)
    query = select(Tester).where(Tester.app_id == app.id)
    return await page_of(tx, query, page, Tester.person_id, schemas.Tester.model_validate)


async def open_trial(tx: AsyncSession, caller: Caller, release_id: UUID, person_id: UUID) -> schemas.Trial:
    """Make a QR code that opens a release's package for one tester.

    Raises:
        NotFound, NotATester
        IllegalMove: the release is over.
    """
    release = await own_locked(tx, caller, release_id)
    if release.status in _OVER:
        raise IllegalMove(current=str(release.status), wanted="trial")
    if await tx.get(Tester, (release.app_id, person_id)) is None:
        raise NotATester
    token = secrets.token_urlsafe(32)
    values = {
        "id": new_id(),
        "token_hash": _hash(token),
        "created_by": caller.id,
        "created_at": now(),
        "ends_at": await database_time(tx) + LASTS,
        "opened_at": None,
    }
    added = insert(Trial).values(release_id=release.id, person_id=person_id, **values)
    replaced = added.on_conflict_do_update(index_elements=[Trial.release_id, Trial.person_id], set_=values)
    await tx.execute(replaced)
    link = f"miniapp://{release.app_id}/?trial={token}"
    about = {"trial_id": values["id"], "release_id": release.id, "person_id": person_id, "ends_at": values["ends_at"]}
    return schemas.Trial.model_validate({**about, "token": token, "link": link, "qr_svg": drawn(link)})


async def enter_trial(tx: AsyncSession, caller: Caller, token: str) -> schemas.OpenedTrial:
    """Open the trial of a token as the tester for whom it was made.

    Raises:
        TrialNotYours
    """
    trial = await tx.scalar(select(Trial).where(Trial.token_hash == _hash(token)).with_for_update(of=Trial))
    trial = await _running(tx, caller, trial)
    trial.opened_at = trial.opened_at or now()
    return schemas.OpenedTrial.of(trial)


async def package_of_trial(tx: AsyncSession, caller: Caller, trial_id: UUID) -> Package:
    """The package of a trial that this tester has opened.

    Raises:
        NotFound, TrialNotYours
    """
    trial = await _running(tx, caller, await tx.get(Trial, trial_id))
    if trial.opened_at is None:
        raise NotFound
    return trial.release.package


async def _running(tx: AsyncSession, caller: Caller, trial: Trial | None) -> Trial:
    if trial is None or trial.person_id != caller.id or trial.ends_at <= await database_time(tx):
        raise TrialNotYours
    if trial.release.status in _OVER or await is_taken_down(tx, trial.release.app_id):
        raise TrialNotYours
    return trial


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
