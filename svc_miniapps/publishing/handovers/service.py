"""Handing an app over: two leads agree, a reviewer confirms a change of division, and nothing of the old team stays."""

from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.auth import Caller
from chassis.outbox import emit
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.approvals import require_second_person
from kit.security_log import record_on_commit
from kit.staff.reach import acting_in
from kit.staff.refusals import ProposerWithoutRole
from kit.staff.second_person import require_second_holder
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.apps.names.service import reserve
from svc_miniapps.apps.service import lock_app, names_of, require_quota
from svc_miniapps.publishing.clients.models import ClientRequest, RequestStatus
from svc_miniapps.publishing.clients.service import suspend_with_owner
from svc_miniapps.publishing.domains.models import Failure
from svc_miniapps.publishing.domains.service import lose_all
from svc_miniapps.publishing.handovers import schemas
from svc_miniapps.publishing.handovers.events import AppHandedOver
from svc_miniapps.publishing.handovers.models import OPEN, AppHandover, HandoverStatus
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.publishing.releases.models import Release, Status
from svc_miniapps.publishing.reviews.service import OwnOrganisation
from svc_miniapps.publishing.take_downs.queries import require_standing
from svc_miniapps.publishing.testers.service import end_trials_of
from svc_miniapps.publishing.uploads.resumable import forget_open
from svc_miniapps.teams.models import Team, TeamRole
from svc_miniapps.teams.service import lock_team_of, require_lead, role_in
from svc_miniapps.teams.standing import holders

MOVED = SecurityEvent("app_handover_moved")


class HandoverOpen(Problem):
    status, code = 409, "handover_open"


class HandoverBlocked(Problem):
    """A review of the app is under way: its reviewers decide for the team that asked them."""

    status, code = 409, "handover_blocked"


class SameTeam(Problem):
    status, code = 422, "same_team"


async def propose(tx: AsyncSession, caller: Caller, app_id: UUID, new: schemas.NewHandover) -> schemas.Handover:
    """Propose another team for an app, as a lead of its team.

    Raises:
        NotFound, NotTeamLead, SameTeam, HandoverOpen
    """
    app = await lock_app(tx, caller, app_id)
    team = await lock_team_of(tx, app.organisation_id, app.division_code)
    await require_lead(tx, caller, team)
    if team.id == new.to_team_id:
        raise SameTeam
    if (other := await tx.get(Team, new.to_team_id)) is None:
        raise NotFound
    if await tx.scalar(select(exists().where(AppHandover.app_id == app.id, AppHandover.status.in_(OPEN)))):
        raise HandoverOpen
    handover = AppHandover(app=app, from_team=team, to_team=other, proposed_by=caller.id)
    tx.add(handover)
    return await _shown(tx, handover)


async def accept(tx: AsyncSession, caller: Caller, handover_id: UUID) -> schemas.Handover:
    """Take the app, as a lead of the other team; in one division it is theirs at once.

    Raises:
        NotFound, NotTeamLead, SecondPersonNeeded, ProposerWithoutRole, IllegalMove
        HandoverBlocked, AppQuotaReached, NameTaken: as `_complete`.
    """
    handover = await _locked(tx, handover_id)
    await require_lead(tx, caller, handover.to_team)
    require_second_person(caller.id, handover.proposed_by)
    await _require_still_lead(tx, handover.from_team, handover.proposed_by)
    is_near = handover.from_team.division_code == handover.to_team.division_code
    handover.move_to(HandoverStatus.COMPLETED if is_near else HandoverStatus.ACCEPTED)
    handover.accepted_by = caller.id
    return await (_complete(tx, handover) if is_near else _shown(tx, handover))


async def decline(tx: AsyncSession, caller: Caller, handover_id: UUID) -> schemas.Handover:
    """Leave the app with its team, as a lead of the other one."""
    handover = await _locked(tx, handover_id)
    await require_lead(tx, caller, handover.to_team)
    handover.move_to(HandoverStatus.DECLINED)
    return await _shown(tx, handover)


async def withdraw(tx: AsyncSession, caller: Caller, handover_id: UUID) -> schemas.Handover:
    """Keep the app after all, as a lead of its team."""
    handover = await _locked(tx, handover_id)
    await require_lead(tx, caller, handover.from_team)
    handover.move_to(HandoverStatus.WITHDRAWN)
    return await _shown(tx, handover)


async def confirm(tx: AsyncSession, caller: Caller, handover_id: UUID) -> schemas.Handover:
    """Confirm that an app goes to another division, as a reviewer of both.

    Raises:
        NotFound, IllegalMove, OwnOrganisation, NotYourDivision, ProposerWithoutRole
        RoleNotKnownYet, RoleTooNew, NotIndependent, SecondPersonNeeded: as `require_second_holder`.
        HandoverBlocked, AppQuotaReached, NameTaken: as `_complete`.
    """
    handover = await _locked_for_decision(tx, caller, handover_id)
    handover.move_to(HandoverStatus.COMPLETED)
    await _require_still_lead(tx, handover.from_team, handover.proposed_by)
    await _require_still_lead(tx, handover.to_team, handover.accepted_by)
    handover.confirmed_by = caller.id
    return await _complete(tx, handover)


async def reject(tx: AsyncSession, caller: Caller, handover_id: UUID) -> schemas.Handover:
    """Refuse a change of division. Raises as `confirm` does."""
    handover = await _locked_for_decision(tx, caller, handover_id)
    handover.move_to(HandoverStatus.REJECTED)
    handover.confirmed_by = caller.id
    return await _shown(tx, handover)


async def list_handovers(tx: AsyncSession, caller: Caller, page: PageRequest) -> Page[schemas.Handover]:
    """Those from and to the caller's teams, and for reviewers those that wait for one of them; newest first."""
    keys = [(each.organisation_id, each.division_code) for each in caller.memberships_as(members.TEAM)]
    giving, taking = aliased(Team), aliased(Team)
    seen: list[ColumnElement[bool]] = [
        tuple_(team.organisation_id, team.division_code).in_(keys) for team in (giving, taking)
    ]
    if caller.memberships_as(members.REVIEWER):
        reviewed = [members.reviewable(caller, team.organisation_id, team.division_code) for team in (giving, taking)]
        seen.append(reviewed[0] & reviewed[1] & (AppHandover.status == HandoverStatus.ACCEPTED))
    query = select(AppHandover).join(giving, AppHandover.from_team_id == giving.id)
    query = query.join(taking, AppHandover.to_team_id == taking.id).where(or_(*seen))
    return await page_of(tx, query, page, AppHandover.id, schemas.Handover.of, newest_first=True)


async def _complete(tx: AsyncSession, handover: AppHandover) -> schemas.Handover:
    """Give the app to the other team.

    Raises:
        AppTakenDown, HandoverBlocked, AppQuotaReached
        NameTaken: a catalogue of the new division has its name.
    """
    app, team = handover.app, handover.to_team
    await _require_at_rest(tx, app)
    await require_quota(tx, await lock_team_of(tx, team.organisation_id, team.division_code))
    is_moved = app.division_code != team.division_code
    app.organisation_id, app.division_code = team.organisation_id, team.division_code
    await tx.flush()
    if is_moved:
        await reserve(tx, app.id, app.division_code, await names_of(tx, app))
        await tx.execute(update(Listing).where(Listing.app_id == app.id).values(division_code=app.division_code))
    await end_trials_of(tx, app.id)
    await forget_open(tx, app.id)
    # Its addresses are the old team's servers.
    await suspend_with_owner(tx, app.id, handover.accepted_by, "handed over to another team")
    await lose_all(tx, app.id, Failure.HANDED_OVER)
    owner = {"organisation_id": app.organisation_id, "division_code": app.division_code}
    await emit(tx, AppHandedOver(app_id=app.id, **owner))
    return await _shown(tx, handover)


async def _require_at_rest(tx: AsyncSession, app: App) -> None:
    await require_standing(tx, app.id)  # restoring it would give its client back to the old team
    under_way = Status.SUBMITTED, Status.APPROVED, Status.GRAY
    release = exists().where(Release.app_id == app.id, Release.status.in_(under_way))
    request = exists().where(ClientRequest.app_id == app.id, ClientRequest.status == RequestStatus.WAITING)
    if await tx.scalar(select(or_(release, request))):
        raise HandoverBlocked


async def _require_still_lead(tx: AsyncSession, team: Team, person_id: UUID | None) -> None:
    if person_id is None or await role_in(tx, team.id, person_id) is not TeamRole.LEAD:
        raise ProposerWithoutRole
    if person_id not in await holders(tx, team, person_id):
        raise ProposerWithoutRole


async def _locked(tx: AsyncSession, handover_id: UUID) -> AppHandover:
    """A hand-over, read after its app is locked so that it is current."""
    app_id = select(AppHandover.app_id).where(AppHandover.id == handover_id).scalar_subquery()
    if await tx.scalar(select(App.id).where(App.id == app_id).with_for_update()) is None:
        raise NotFound
    return await tx.get_one(AppHandover, handover_id, populate_existing=True)


async def _locked_for_decision(tx: AsyncSession, caller: Caller, handover_id: UUID) -> AppHandover:
    handover = await _locked(tx, handover_id)
    teams = handover.from_team, handover.to_team
    if any(members.belongs_to(caller, team.organisation_id) for team in teams):
        raise OwnOrganisation
    within = [team.division_code for team in teams]
    acting_in(caller, within, members.REVIEWER)
    for first in (handover.proposed_by, handover.accepted_by):
        await require_second_holder(tx, caller, first, role=members.REVIEWER, first_role=members.TEAM, within=within)
    return handover


async def _shown(tx: AsyncSession, handover: AppHandover) -> schemas.Handover:
    await tx.flush()
    record_on_commit(tx, MOVED, handover_id=handover.id, app_id=handover.app_id, status=str(handover.status))
    return schemas.Handover.of(handover)
