"""The complaint box of an app: the team answers within five working days, operators decide what is late or appealed."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database, now
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.approvals import require_second_person
from kit.calendar import database_time, today_of, working_day_after
from kit.changed_days import working_days
from kit.security_log import record_on_commit
from kit.staff.reach import acting_in, divisions_of
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.publishing.complaints import schemas
from svc_miniapps.publishing.complaints.models import AppComplaint, AppComplaintStatus, complaint_numbers
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.teams.webhooks.models import WebhookKind
from svc_miniapps.teams.webhooks.service import enqueue

WORKING_DAYS = 5
APPEAL_WITHIN = timedelta(days=15)
A_DAY, MOST_OPEN = 5, 20
_OPEN = (AppComplaintStatus.OPEN, AppComplaintStatus.ESCALATED, AppComplaintStatus.APPEALED)
_DECIDED = SecurityEvent("app_complaint_decided")


class AppComplaintOpen(Problem):
    """One about an app at a time."""

    status, code = 409, "app_complaint_open"


class TooManyAppComplaints(Problem):
    status, code = 409, "too_many_app_complaints"


class AppealTooLate(Problem):
    status, code = 409, "appeal_too_late"


class ComplaintAboutOwnOrganisation(Problem):
    status, code = 403, "complaint_about_own_organisation"


async def file(tx: AsyncSession, caller: Caller, new: schemas.NewAppComplaint) -> schemas.AppComplaint:
    """File a complaint about an app that residents have, or had.

    Raises:
        NotFound, AppComplaintOpen, TooManyAppComplaints
    """
    listed = select(App).join(Listing, Listing.app_id == App.id).where(App.id == new.app_id)
    app = await tx.scalar(listed.with_for_update(of=App))
    if app is None:
        raise NotFound
    # One person's complaints one after the other, so that the limits hold for those at once too.
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"myili complaints {caller.id}"))))
    await _require_room(tx, caller.id, app.id)
    today, is_working = await today_of(tx), await working_days(tx)
    number = f"TS{app.division_code}-{await tx.scalar(complaint_numbers):06d}"
    complaint = AppComplaint(
        app=app, app_id=app.id, person_id=caller.id, number=number, **new.model_dump(exclude={"app_id"})
    )
    complaint.status = AppComplaintStatus.OPEN
    complaint.due_on = working_day_after(today, WORKING_DAYS, counts=is_working)
    tx.add(complaint)
    await tx.flush()
    team, kind = (app.organisation_id, app.division_code), WebhookKind.COMPLAINT_RECEIVED
    await enqueue(tx, *team, kind, app.id, complaint_id=complaint.id)
    return schemas.AppComplaint.of(complaint)


async def _require_room(tx: AsyncSession, person_id: UUID, app_id: UUID) -> None:
    own, is_open = AppComplaint.person_id == person_id, AppComplaint.status.in_(_OPEN)
    recent = AppComplaint.filed_at > await database_time(tx) - timedelta(days=1)
    counts = func.count().filter(is_open, AppComplaint.app_id == app_id), func.count().filter(is_open)
    row = await tx.execute(select(*counts, func.count().filter(recent)).where(own))
    about_this, all_open, today = row.one()
    if about_this:
        raise AppComplaintOpen
    if all_open >= MOST_OPEN or today >= A_DAY:
        raise TooManyAppComplaints(a_day=A_DAY, most=MOST_OPEN)


async def own_complaints(tx: AsyncSession, caller: Caller, page: PageRequest) -> Page[schemas.AppComplaint]:
    query = select(AppComplaint).where(AppComplaint.person_id == caller.id)
    return await page_of(tx, query, page, AppComplaint.id, schemas.AppComplaint.of, newest_first=True)


async def appeal(tx: AsyncSession, caller: Caller, complaint_id: UUID, words: str) -> schemas.AppComplaint:
    """Appeal once to operators against the team's answer, as the complainant.

    Raises:
        NotFound, IllegalMove, AppealTooLate, AppComplaintOpen
    """
    complaint = await _locked(tx, complaint_id)
    if complaint.person_id != caller.id:
        raise NotFound
    complaint.move_to(AppComplaintStatus.APPEALED)
    with tx.no_autoflush:
        if complaint.answered_at is None or complaint.answered_at < await database_time(tx) - APPEAL_WITHIN:
            raise AppealTooLate(days=APPEAL_WITHIN.days)
        another = AppComplaint.person_id == caller.id, AppComplaint.app_id == complaint.app_id
        query = select(AppComplaint.id).where(*another, AppComplaint.id != complaint.id, AppComplaint.status.in_(_OPEN))
        if await tx.scalar(query.limit(1)):
            raise AppComplaintOpen
    complaint.appeal, complaint.appealed_at = words, now()
    await tx.flush()
    return schemas.AppComplaint.of(complaint)


async def answer(tx: AsyncSession, caller: Caller, complaint_id: UUID, words: str) -> schemas.AppComplaint:
    """Answer a complaint as the app's team, late ones too.

    Raises:
        NotFound, IllegalMove, SecondPersonNeeded
    """
    complaint = await _locked(tx, complaint_id)
    if not members.is_in_team(caller, complaint.app.organisation_id, complaint.app.division_code):
        raise NotFound
    require_second_person(caller.id, complaint.person_id)
    complaint.move_to(AppComplaintStatus.ANSWERED)
    complaint.answer, complaint.answered_by, complaint.answered_at = words, caller.id, now()
    await tx.flush()
    return schemas.AppComplaint.of(complaint, for_team=True)


async def decide(tx: AsyncSession, caller: Caller, complaint_id: UUID, words: str) -> schemas.AppComplaint:
    """Decide what is late or appealed, as an operator without a part in it.

    Raises:
        NotFound, IllegalMove, NotYourDivision, ComplaintAboutOwnOrganisation, SecondPersonNeeded
    """
    complaint = await _locked(tx, complaint_id)
    acting_in(caller, [complaint.app.division_code], members.OPERATOR)
    if members.belongs_to(caller, complaint.app.organisation_id):
        raise ComplaintAboutOwnOrganisation
    require_second_person(caller.id, complaint.person_id, complaint.answered_by)
    complaint.move_to(AppComplaintStatus.DECIDED)
    complaint.decision, complaint.decided_by, complaint.decided_at = words, caller.id, now()
    await tx.flush()
    record_on_commit(tx, _DECIDED, complaint_id=complaint.id, app_id=complaint.app_id)
    return schemas.AppComplaint.of(complaint)


async def received(
    tx: AsyncSession, caller: Caller, page: PageRequest, app_id: UUID | None, status: AppComplaintStatus | None
) -> Page[schemas.AppComplaint]:
    """Those about apps of the caller's teams, without who complains; for operators those of their divisions."""
    query = select(AppComplaint).join(App, App.id == AppComplaint.app_id)
    is_operator = bool(caller.memberships_as(members.OPERATOR))
    if is_operator:
        divisions = divisions_of(caller, members.OPERATOR)
        query = query if divisions is None else query.where(App.division_code.in_(divisions))
        query = query.where(or_(AppComplaint.person_id.is_(None), AppComplaint.person_id != caller.id))
    else:
        teams = [(each.organisation_id, each.division_code) for each in caller.memberships_as(members.TEAM)]
        query = query.where(tuple_(App.organisation_id, App.division_code).in_(teams))
    query = query if app_id is None else query.where(AppComplaint.app_id == app_id)
    query = query if status is None else query.where(AppComplaint.status == status)
    organisations = {each.organisation_id for each in caller.memberships}

    def shown(complaint: AppComplaint) -> schemas.AppComplaint:
        # An operator who belongs to the organisation sees what its team sees.
        return schemas.AppComplaint.of(complaint, for_team=complaint.app.organisation_id in organisations)

    return await page_of(tx, query, page, AppComplaint.id, shown, newest_first=True)


async def escalate_late(database: Database) -> int:
    """Hand what the teams have not answered in time to operators. Returns how many."""
    async with database.transaction() as tx:
        late = AppComplaint.status == AppComplaintStatus.OPEN, AppComplaint.due_on < await today_of(tx)
        claim = select(AppComplaint).where(*late).order_by(AppComplaint.id).limit(100)
        complaints = (await tx.scalars(claim.with_for_update(of=AppComplaint, skip_locked=True))).all()
        for complaint in complaints:
            complaint.move_to(AppComplaintStatus.ESCALATED)
            complaint.escalated_at = now()
        return len(complaints)


async def _locked(tx: AsyncSession, complaint_id: UUID) -> AppComplaint:
    query = select(AppComplaint).where(AppComplaint.id == complaint_id).with_for_update(of=AppComplaint)
    complaint = await tx.scalar(query)
    if complaint is None:
        raise NotFound
    return complaint


async def erase_complainant(tx: AsyncSession, person_id: UUID) -> None:
    """Leave of their complaints what teams and operators have said."""
    nothing = dict.fromkeys(("person_id", "words", "contact", "appeal", "salt"))
    await tx.execute(update(AppComplaint).where(AppComplaint.person_id == person_id).values(nothing))
