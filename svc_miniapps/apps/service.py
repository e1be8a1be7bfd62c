"""Registers mini-apps and keeps their descriptions."""

from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.outbox import emit
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit import etags
from kit.security_log import record_on_commit
from svc_miniapps import members
from svc_miniapps.apps import schemas
from svc_miniapps.apps.events import AppRegistered
from svc_miniapps.apps.models import App
from svc_miniapps.apps.names.service import reserve
from svc_miniapps.apps.registrations.models import IN_FORCE, AppRegistration
from svc_miniapps.fields import key_of
from svc_miniapps.reference.categories.service import require_category
from svc_miniapps.reference.divisions.service import require_division
from svc_miniapps.teams.models import Team
from svc_miniapps.teams.service import lock_own_team

APP_REGISTERED = SecurityEvent("app_registered")


class NotYourDivision(Problem):
    status, code = 403, "not_your_division"


class AppQuotaReached(Problem):
    status, code = 409, "app_quota_reached"


async def register_app(tx: AsyncSession, caller: Caller, new: schemas.NewApp) -> schemas.App:
    """Register an app for the caller's own division; its name is reserved before any work goes into it.

    The caller's team is founded with its first app.

    Raises:
        UnknownDivision, UnknownCategory: there is no such code.
        NotYourDivision: the caller acts for no county team of this division.
        NotTeamMember: a colleague founded the team a moment ago.
        AppQuotaReached: the team has as many apps as it may have.
        NameTaken: a catalogue that would show the app has this name, or one that reads the same.
    """
    await require_division(tx, new.division_code)
    await require_category(tx, new.category)
    membership = members.team_for(caller, new.division_code)
    if membership is None:
        raise NotYourDivision(division_code=new.division_code)
    await require_quota(tx, await lock_own_team(tx, caller, membership))
    app = App(
        organisation_id=membership.organisation_id,
        name_key=key_of(new.name),
        registered_by=caller.id,
        **new.model_dump(),
    )
    tx.add(app)
    await tx.flush()
    # Two teams may want one name at once: a constraint decides, not a query before.
    await reserve(tx, app.id, app.division_code, [app.name])
    await emit(
        tx,
        AppRegistered(
            app_id=app.id,
            organisation_id=app.organisation_id,
            division_code=app.division_code,
            category=app.category,
            registered_by=caller.id,
        ),
    )
    record_on_commit(tx, APP_REGISTERED, app_id=app.id, organisation_id=app.organisation_id)
    return schemas.App.of(app)


async def require_quota(tx: AsyncSession, team: Team) -> None:
    """Refuse another app of a team that has as many as it may have; the team is locked by the caller.

    Raises:
        AppQuotaReached
    """
    same = App.organisation_id == team.organisation_id, App.division_code == team.division_code, App.ended_at.is_(None)
    if (await tx.scalar(select(func.count()).select_from(App).where(*same)) or 0) >= team.app_quota:
        raise AppQuotaReached(quota=team.app_quota)


async def names_of(tx: AsyncSession, app: App) -> list[str]:
    """Every name by which residents see the app, or will if its registration is approved."""
    query = select(AppRegistration).where(AppRegistration.app_id == app.id, AppRegistration.status.in_(IN_FORCE))
    latest: dict[str, AppRegistration] = {}
    for registration in await tx.scalars(query.order_by(AppRegistration.id)):
        latest[registration.status] = registration
    return [app.name, *(text["name"] for registration in latest.values() for text in registration.texts)]


async def list_apps(tx: AsyncSession, caller: Caller, page: PageRequest) -> Page[schemas.App]:
    """The apps of the caller's teams."""
    teams = [(team.organisation_id, team.division_code) for team in caller.memberships_as(members.TEAM)]
    query = select(App).where(tuple_(App.organisation_id, App.division_code).in_(teams))
    return await page_of(tx, query, page, App.id, schemas.App.of)


async def get_app(tx: AsyncSession, caller: Caller, app_id: UUID) -> App:
    return await _own(tx, caller, select(App).where(App.id == app_id))


async def lock_app(tx: AsyncSession, caller: Caller, app_id: UUID) -> App:
    """An app of the caller's team, kept from every other change until the transaction ends.

    Everything that changes an app, its packages or its releases takes this lock first.
    """
    return await _own(tx, caller, select(App).where(App.id == app_id).with_for_update())


async def _own(tx: AsyncSession, caller: Caller, query: Select[App]) -> App:
    app = await tx.scalar(query)
    # An unpublished app of another team is not disclosed.
    if app is None or not members.is_in_team(caller, app.organisation_id, app.division_code):
        raise NotFound
    return app


async def change_app(
    tx: AsyncSession, caller: Caller, app_id: UUID, changes: schemas.AppChanges, if_match: str | None
) -> App:
    """Change an app's description; a submitted release keeps the one under review.

    Raises:
        IfMatchMissing, EditedMeanwhile: the change was not based on the current state.
        UnknownCategory: there is no such code.
    """
    if if_match is None:
        raise etags.IfMatchMissing
    app = await lock_app(tx, caller, app_id)
    etags.require_unchanged(if_match, etags.etag_of(app.revision))
    if changes.category is not None:
        await require_category(tx, changes.category)
    for name, value in changes.model_dump(exclude_none=True).items():
        setattr(app, name, value)
    await tx.flush()
    return app
