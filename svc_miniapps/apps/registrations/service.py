"""Registrations: reviewed before any code by people of another organisation, with the apps that may do the same."""

import hashlib
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from kit.staff.second_person import require_second_holder
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.apps.names.service import flags_of, reserve
from svc_miniapps.apps.registrations import schemas
from svc_miniapps.apps.registrations.icons import inspected
from svc_miniapps.apps.registrations.models import (
    AppFiling,
    AppIcon,
    AppRegistration,
    RegistrationStatus,
    filing_numbers,
)
from svc_miniapps.apps.registrations.similar import find_similar
from svc_miniapps.apps.service import get_app, lock_app, names_of
from svc_miniapps.fields import key_of
from svc_miniapps.teams.webhooks.models import WebhookKind
from svc_miniapps.teams.webhooks.service import enqueue

_EVENTS = {
    RegistrationStatus.WAITING: SecurityEvent("registration_submitted"),
    RegistrationStatus.APPROVED: SecurityEvent("registration_approved"),
    RegistrationStatus.REJECTED: SecurityEvent("registration_rejected"),
    RegistrationStatus.WITHDRAWN: SecurityEvent("registration_withdrawn"),
}


_TOLD = {
    RegistrationStatus.APPROVED: WebhookKind.REGISTRATION_APPROVED,
    RegistrationStatus.REJECTED: WebhookKind.REGISTRATION_REJECTED,
}


class RegistrationWaiting(Problem):
    status, code = 409, "registration_waiting"


class RegistrationNotApproved(Problem):
    status, code = 409, "registration_not_approved"


class TextsMissing(Problem):
    """A language of the app has no name and description."""

    status, code = 422, "texts_missing"


class NameNotAmongTexts(Problem):
    status, code = 422, "name_not_among_texts"


class UnknownIcon(Problem):
    status, code = 422, "unknown_icon"


class OwnApp(Problem):
    """The reviewer belongs to the organisation whose app it is."""

    status, code = 403, "own_organisation"


class OwnRegistration(Problem):
    status, code = 403, "own_submission"


async def add_icon(tx: AsyncSession, caller: Caller, app_id: UUID, content: bytes) -> schemas.Icon:
    """Keep an icon for the app's next registration; the same one again changes nothing.

    Raises:
        NotFound, IconRefused
    """
    media_type, side = inspected(content)
    app = await lock_app(tx, caller, app_id)
    icon = schemas.Icon(sha256=hashlib.sha256(content).hexdigest(), media_type=media_type, side=side)
    row = insert(AppIcon).values(app_id=app.id, content=content, uploaded_by=caller.id, **icon.model_dump())
    await tx.execute(row.on_conflict_do_nothing())
    return icon


async def submit(tx: AsyncSession, caller: Caller, app_id: UUID, new: schemas.NewRegistration) -> schemas.Registration:
    """Request the review of what the team says of its app; its names are reserved at once.

    Raises:
        NotFound, RegistrationWaiting, TextsMissing, NameNotAmongTexts, UnknownIcon, NameTaken
    """
    app = await lock_app(tx, caller, app_id)
    if await tx.scalar(select(AppRegistration.id).where(_waiting(app))):
        raise RegistrationWaiting
    await _require_complete(tx, app, new)
    names = [each.name for each in new.texts]
    similar = await find_similar(tx, app.division_code, names, new.purposes, new.services, other_than=app.id)
    values = new.model_dump(exclude={"declaration"})
    found = [candidate.model_dump(mode="json") for candidate in similar]
    registration = AppRegistration(app=app, submitted_by=caller.id, flags=flags_of(names), candidates=found, **values)
    tx.add(registration)
    await tx.flush()
    await reserve(tx, app.id, app.division_code, await names_of(tx, app))
    if kind := _TOLD.get(RegistrationStatus(registration.status)):
        await enqueue(tx, app.organisation_id, app.division_code, kind, app.id, registration_id=registration.id)
    return await _shown(tx, registration)


async def _require_complete(tx: AsyncSession, app: App, new: schemas.NewRegistration) -> None:
    given = {each.language.lower() for each in new.texts}
    if missing := [language for language in app.languages if language.lower() not in given]:
        raise TextsMissing(languages=", ".join(missing))
    if key_of(app.name) not in {key_of(each.name) for each in new.texts}:
        raise NameNotAmongTexts(name=app.name)
    same = AppIcon.app_id == app.id, AppIcon.sha256 == new.icon_sha256
    if await tx.scalar(select(AppIcon.side).where(*same)) is None:
        raise UnknownIcon


async def approve(tx: AsyncSession, caller: Caller, registration_id: UUID) -> schemas.Registration:
    """Approve a registration; the first one gives the app its filing number.

    Raises:
        NotFound, IllegalMove, NotYourDivision
        OwnApp, OwnRegistration: the reviewer has a part in it.
        RoleNotKnownYet, RoleTooNew, NotIndependent: as `require_second_holder`.
    """
    registration = await _locked_for_decision(tx, caller, registration_id)
    registration.decide(RegistrationStatus.APPROVED, caller.id)
    app = registration.app
    if await tx.get(AppFiling, app.id) is None:
        number = await tx.scalar(filing_numbers)
        tx.add(AppFiling(app_id=app.id, number=f"YL{app.division_code}-{number:06d}"))
    return await _settled(tx, registration)


async def reject(tx: AsyncSession, caller: Caller, registration_id: UUID, reason: str) -> schemas.Registration:
    """Reject a registration. Raises as `approve` does."""
    registration = await _locked_for_decision(tx, caller, registration_id)
    registration.decide(RegistrationStatus.REJECTED, caller.id, reason)
    return await _settled(tx, registration)


async def withdraw(tx: AsyncSession, caller: Caller, registration_id: UUID) -> schemas.Registration:
    """Withdraw a registration of the caller's team.

    Raises:
        NotFound, IllegalMove
    """
    registration = await _locked(tx, registration_id)
    if not members.is_in_team(caller, registration.app.organisation_id, registration.app.division_code):
        raise NotFound
    registration.decide(RegistrationStatus.WITHDRAWN, caller.id)
    return await _settled(tx, registration)


async def list_registrations(
    tx: AsyncSession, caller: Caller, page: PageRequest, status: RegistrationStatus
) -> Page[schemas.Registration]:
    """Those that this reviewer may decide, or could have decided."""
    query = select(AppRegistration).join(App, App.id == AppRegistration.app_id)
    may = members.reviewable(caller, App.organisation_id, App.division_code)
    query = query.where(AppRegistration.status == status, may)
    return await page_of(tx, query, page, AppRegistration.id, schemas.Registration.of)


async def registrations_of(
    tx: AsyncSession, caller: Caller, app_id: UUID, page: PageRequest
) -> Page[schemas.Registration]:
    app = await get_app(tx, caller, app_id)
    query = select(AppRegistration).where(AppRegistration.app_id == app.id)
    return await page_of(tx, query, page, AppRegistration.id, schemas.Registration.of, newest_first=True)


async def get_registration(tx: AsyncSession, caller: Caller, registration_id: UUID) -> schemas.Registration:
    registration = await _visible(tx, caller, registration_id)
    return schemas.Registration.of(registration, await filing_number(tx, registration.app_id))


async def get_icon(tx: AsyncSession, caller: Caller, registration_id: UUID) -> tuple[str, bytes]:
    """The media type and the bytes of a registration's icon."""
    registration = await _visible(tx, caller, registration_id)
    same = AppIcon.app_id == registration.app_id, AppIcon.sha256 == registration.icon_sha256
    media_type, content = (await tx.execute(select(AppIcon.media_type, AppIcon.content).where(*same))).one()
    return media_type, content


async def filing_number(tx: AsyncSession, app_id: UUID) -> str | None:
    """The number under which the app is filed; None until a registration was approved."""
    return await tx.scalar(select(AppFiling.number).where(AppFiling.app_id == app_id))


async def approved_last(tx: AsyncSession, app_id: UUID) -> AppRegistration | None:
    """What was approved last of an app; None for one from before registrations."""
    approved = AppRegistration.app_id == app_id, AppRegistration.status == RegistrationStatus.APPROVED
    latest = select(AppRegistration).where(*approved).order_by(AppRegistration.decided_at.desc()).limit(1)
    registration: AppRegistration | None = await tx.scalar(latest)
    return registration


async def require_registered(tx: AsyncSession, app: App) -> None:
    """Refuse packages of an app whose registration is not approved yet.

    Raises:
        RegistrationNotApproved
    """
    if await tx.get(AppFiling, app.id) is None:
        raise RegistrationNotApproved


async def _visible(tx: AsyncSession, caller: Caller, registration_id: UUID) -> AppRegistration:
    registration = await tx.get(AppRegistration, registration_id)
    if registration is None:
        raise NotFound
    app = registration.app
    if members.reviews_in(caller, app.division_code):
        return registration
    if not members.is_in_team(caller, app.organisation_id, app.division_code):
        raise NotFound
    return registration


def _waiting(app: App) -> ColumnElement[bool]:
    return (AppRegistration.app_id == app.id) & (AppRegistration.status == RegistrationStatus.WAITING)


async def _locked(tx: AsyncSession, registration_id: UUID) -> AppRegistration:
    """A registration, read after its app is locked so that it is current."""
    app_id = select(AppRegistration.app_id).where(AppRegistration.id == registration_id).scalar_subquery()
    if await tx.scalar(select(App.id).where(App.id == app_id).with_for_update()) is None:
        raise NotFound
    return await tx.get_one(AppRegistration, registration_id, populate_existing=True)


async def _locked_for_decision(tx: AsyncSession, caller: Caller, registration_id: UUID) -> AppRegistration:
    registration = await _locked(tx, registration_id)
    app = registration.app
    if members.belongs_to(caller, app.organisation_id):
        raise OwnApp
    within = [app.division_code]
    members.reviewer_of(caller, app.division_code)
    for author in {registration.submitted_by, app.registered_by}:
        await require_second_holder(
            tx, caller, author, role=members.REVIEWER, first_role=members.TEAM, within=within, refusal=OwnRegistration
        )
    return registration


async def _settled(tx: AsyncSession, registration: AppRegistration) -> schemas.Registration:
    await tx.flush()
    app = registration.app
    await reserve(tx, app.id, app.division_code, await names_of(tx, app))
    if kind := _TOLD.get(RegistrationStatus(registration.status)):
        await enqueue(tx, app.organisation_id, app.division_code, kind, app.id, registration_id=registration.id)
    return await _shown(tx, registration)


async def _shown(tx: AsyncSession, registration: AppRegistration) -> schemas.Registration:
    await tx.flush()
    event = _EVENTS[RegistrationStatus(registration.status)]
    record_on_commit(tx, event, registration_id=registration.id, app_id=registration.app_id)
    return schemas.Registration.of(registration, await filing_number(tx, registration.app_id))
