"""The orderly end of an app: announced by two persons, readable until its last day, and then a take-down for good."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database, now
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import IllegalMove, NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.calendar import today_of
from kit.changed_days import working_days
from kit.security_log import record_on_commit
from kit.staff.second_person import require_second_holder
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.apps.service import get_app, lock_app
from svc_miniapps.publishing.domains.models import Failure
from svc_miniapps.publishing.domains.service import lose_all
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.publishing.shutdowns import schemas
from svc_miniapps.publishing.shutdowns.models import AppShutdown, ShutdownStatus
from svc_miniapps.publishing.take_downs.effect import put_in_effect
from svc_miniapps.publishing.take_downs.models import Kind, TakeDown, TakeDownStatus
from svc_miniapps.publishing.take_downs.queries import require_standing
from svc_miniapps.reference.divisions.models import PREFECTURE

NOTICE_DAYS = 30
MOST_DAYS = 730
_OPEN = (ShutdownStatus.PROPOSED, ShutdownStatus.ANNOUNCED, ShutdownStatus.ENDED)
_EVENTS = {
    ShutdownStatus.PROPOSED: SecurityEvent("shutdown_proposed"),
    ShutdownStatus.ANNOUNCED: SecurityEvent("shutdown_announced"),
    ShutdownStatus.WITHDRAWN: SecurityEvent("shutdown_withdrawn"),
    ShutdownStatus.ENDED: SecurityEvent("app_ended"),
}


class ShutdownOpen(Problem):
    status, code = 409, "shutdown_open"


class LastDayRefused(Problem):
    """`reason`: too_soon, too_late, no_working_day."""

    status, code = 422, "last_day_refused"


class ShutdownTextsMissing(Problem):
    status, code = 422, "shutdown_texts_missing"


class RedirectRefused(Problem):
    """The app to go on with is not published for the same residents, or ends too."""

    status, code = 422, "redirect_refused"


async def propose(tx: AsyncSession, caller: Caller, app_id: UUID, new: schemas.NewShutdown) -> schemas.Shutdown:
    """Propose the end of an app of the caller's team.

    Raises:
        NotFound, AppTakenDown, ShutdownOpen, LastDayRefused, ShutdownTextsMissing, RedirectRefused
    """
    app = await lock_app(tx, caller, app_id)
    if await tx.scalar(select(AppShutdown.id).where(AppShutdown.app_id == app.id, AppShutdown.status.in_(_OPEN))):
        raise ShutdownOpen
    await require_standing(tx, app.id)
    given = {each.language.lower() for each in new.texts}
    if missing := [language for language in app.languages if language.lower() not in given]:
        raise ShutdownTextsMissing(languages=", ".join(missing))
    texts = {each.language: each.text for each in new.texts}
    shutdown = AppShutdown(app=app, last_day=new.last_day, texts=texts, redirect_app_id=new.redirect_app_id)
    shutdown.status, shutdown.proposed_by = ShutdownStatus.PROPOSED, caller.id
    with tx.no_autoflush:
        await _require_notice(tx, shutdown)
        await _require_redirect(tx, shutdown)
    tx.add(shutdown)
    return await _changed(tx, shutdown)


async def confirm(tx: AsyncSession, caller: Caller, shutdown_id: UUID) -> schemas.Shutdown:
    """Confirm an end as another member of the team, or as a reviewer: residents read it from now on.

    Raises:
        NotFound, IllegalMove, NotYourDivision, AppTakenDown, LastDayRefused, RedirectRefused
        SecondPersonNeeded, RoleNotKnownYet, RoleTooNew, NotIndependent: as `require_second_holder`.
    """
    shutdown = await _locked(tx, shutdown_id)
    app, role = shutdown.app, members.TEAM
    if not members.is_in_team(caller, app.organisation_id, app.division_code):
        members.reviewer_of(caller, app.division_code)
        role = members.REVIEWER
    within = [app.division_code]
    first = shutdown.proposed_by
    await require_second_holder(tx, caller, first, role=role, first_role=members.TEAM, within=within)
    shutdown.move_to(ShutdownStatus.ANNOUNCED)
    shutdown.confirmed_by, shutdown.confirmed_at = caller.id, now()
    await require_standing(tx, app.id)
    await _require_notice(tx, shutdown)
    await _require_redirect(tx, shutdown)
    return await _changed(tx, shutdown)


async def withdraw(tx: AsyncSession, caller: Caller, shutdown_id: UUID) -> schemas.Shutdown:
    """Keep the app after all, as its team, until the last day has passed.

    Raises:
        NotFound, IllegalMove
    """
    shutdown = await _locked(tx, shutdown_id)
    if not members.is_in_team(caller, shutdown.app.organisation_id, shutdown.app.division_code):
        raise NotFound
    if shutdown.status == ShutdownStatus.ANNOUNCED and shutdown.last_day < await today_of(tx):
        raise IllegalMove(current=str(shutdown.status), wanted=str(ShutdownStatus.WITHDRAWN))
    shutdown.move_to(ShutdownStatus.WITHDRAWN)
    shutdown.withdrawn_by = caller.id
    return await _changed(tx, shutdown)


async def shutdowns_of(tx: AsyncSession, caller: Caller, app_id: UUID, page: PageRequest) -> Page[schemas.Shutdown]:
    """Those of an app, for its team and its reviewers; the newest first."""
    app = await tx.get(App, app_id)
    if app is None or not members.reviews_in(caller, app.division_code):
        await get_app(tx, caller, app_id)
    query = select(AppShutdown).where(AppShutdown.app_id == app_id)
    return await page_of(tx, query, page, AppShutdown.id, schemas.Shutdown.of, newest_first=True)


async def list_proposed(tx: AsyncSession, caller: Caller, page: PageRequest) -> Page[schemas.Shutdown]:
    """The proposals that a reviewer may confirm."""
    query = select(AppShutdown).join(App, App.id == AppShutdown.app_id)
    may = members.reviewable(caller, App.organisation_id, App.division_code)
    query = query.where(AppShutdown.status == ShutdownStatus.PROPOSED, may)
    return await page_of(tx, query, page, AppShutdown.id, schemas.Shutdown.of)


async def end_due(database: Database) -> int:
    """End the apps whose last day has passed. Returns how many."""
    async with database.read() as tx:
        due = AppShutdown.status == ShutdownStatus.ANNOUNCED, AppShutdown.last_day < await today_of(tx)
        shutdowns = (await tx.scalars(select(AppShutdown.id).where(*due).limit(100))).all()
    return sum([await _end(database, shutdown_id) for shutdown_id in shutdowns])


async def _end(database: Database, shutdown_id: UUID) -> bool:
    async with database.transaction() as tx:
        shutdown = await _locked(tx, shutdown_id)
        # It was withdrawn, or another worker was quicker.
        if shutdown.status != ShutdownStatus.ANNOUNCED or shutdown.last_day >= await today_of(tx):
            return False
        shutdown.move_to(ShutdownStatus.ENDED)
        shutdown.app.ended_at = now()
        down = TakeDown(app=shutdown.app, app_id=shutdown.app_id, kind=Kind.SHUTDOWN, status=TakeDownStatus.IN_FORCE)
        down.reason, down.proposed_at = "last day of the app", shutdown.proposed_at
        down.proposed_by, down.confirmed_by = shutdown.proposed_by, shutdown.confirmed_by
        down.confirmed_at = shutdown.confirmed_at
        tx.add(down)
        await tx.flush()
        await put_in_effect(tx, down)
        await lose_all(tx, shutdown.app_id, Failure.APP_ENDED)
        await _changed(tx, shutdown)
        return True


async def _require_notice(tx: AsyncSession, shutdown: AppShutdown) -> None:
    today = await today_of(tx)
    if shutdown.last_day < today + timedelta(days=NOTICE_DAYS):
        raise LastDayRefused(reason="too_soon", days=NOTICE_DAYS)
    if shutdown.last_day > today + timedelta(days=MOST_DAYS):
        raise LastDayRefused(reason="too_late", days=NOTICE_DAYS)
    # On its last day somebody answers the people who still have data in the app.
    if not (await working_days(tx))(shutdown.last_day):
        raise LastDayRefused(reason="no_working_day", days=NOTICE_DAYS)


async def _require_redirect(tx: AsyncSession, shutdown: AppShutdown) -> None:
    if shutdown.redirect_app_id is None:
        return
    ending = select(AppShutdown.id).where(AppShutdown.app_id == Listing.app_id, AppShutdown.status.in_(_OPEN))
    shown = Listing.app_id == shutdown.redirect_app_id, Listing.hidden_at.is_(None), ~ending.exists()
    near = Listing.division_code.in_([shutdown.app.division_code, PREFECTURE]), Listing.app_id != shutdown.app.id
    if await tx.scalar(select(Listing.app_id).where(*shown, *near)) is None:
        raise RedirectRefused


async def _locked(tx: AsyncSession, shutdown_id: UUID) -> AppShutdown:
    """An end, read after its app is locked so that it is current."""
    app_id = select(AppShutdown.app_id).where(AppShutdown.id == shutdown_id).scalar_subquery()
    if await tx.scalar(select(App.id).where(App.id == app_id).with_for_update()) is None:
        raise NotFound
    return await tx.get_one(AppShutdown, shutdown_id, populate_existing=True)


async def _changed(tx: AsyncSession, shutdown: AppShutdown) -> schemas.Shutdown:
    await tx.flush()
    event = _EVENTS[ShutdownStatus(shutdown.status)]
    record_on_commit(tx, event, shutdown_id=shutdown.id, app_id=shutdown.app_id)
    return schemas.Shutdown.of(shutdown)
