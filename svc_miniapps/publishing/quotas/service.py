"""What a team may use: apps, members, packages a day and storage."""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import CHINA
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.calendar import today_of
from kit.security_log import record_on_commit
from kit.staff.reach import acting_in, divisions_of, reaches
from kit.staff.second_person import require_second_holder
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.packages.models import Package
from svc_miniapps.publishing.quotas import schemas
from svc_miniapps.publishing.quotas.models import QuotaChangeStatus, TeamQuotaChange
from svc_miniapps.teams.models import Team, TeamMember
from svc_miniapps.teams.service import lock_team_of

MEGABYTE = 1_000_000
_QUOTAS = ("app_quota", "member_quota", "upload_quota", "storage_quota_mb")
_EVENTS = {
    QuotaChangeStatus.PROPOSED: SecurityEvent("quota_change_proposed"),
    QuotaChangeStatus.APPROVED: SecurityEvent("quota_changed"),
    QuotaChangeStatus.REJECTED: SecurityEvent("quota_change_rejected"),
}


class UploadQuotaReached(Problem):
    status, code = 409, "upload_quota_reached"


class StorageQuotaReached(Problem):
    status, code = 409, "storage_quota_reached"


class QuotaChangeProposed(Problem):
    status, code = 409, "quota_change_proposed"


async def require_room(tx: AsyncSession, app: App, size_bytes: int) -> None:
    """Refuse a package for which the team has no room today; the app is locked by the caller, the team from here on.

    Raises:
        UploadQuotaReached, StorageQuotaReached
    """
    team = await lock_team_of(tx, app.organisation_id, app.division_code)
    uploads, stored = await _packages(tx, team)
    if uploads >= team.upload_quota:
        raise UploadQuotaReached(quota=team.upload_quota)
    if stored + size_bytes > team.storage_quota_mb * MEGABYTE:
        raise StorageQuotaReached(megabytes=team.storage_quota_mb)


async def get_quotas(tx: AsyncSession, caller: Caller, team_id: UUID) -> schemas.TeamQuotas:
    """The quotas of the caller's team, or of one in an operator's divisions.

    Raises:
        NotFound
    """
    team = await tx.get(Team, team_id)
    if team is None or not _may_see(caller, team):
        raise NotFound
    apps = select(func.count()).select_from(App).where(_of(team), App.ended_at.is_(None))
    current = TeamMember.team_id == team.id, TeamMember.ended_at.is_(None)
    persons = select(func.count()).select_from(TeamMember).where(*current)
    uploads, stored = await _packages(tx, team)
    return schemas.TeamQuotas(
        team_id=team.id,
        apps=schemas.Quota(limit=team.app_quota, used=await tx.scalar(apps) or 0),
        members=schemas.Quota(limit=team.member_quota, used=await tx.scalar(persons) or 0),
        uploads_today=schemas.Quota(limit=team.upload_quota, used=uploads),
        storage_bytes=schemas.Quota(limit=team.storage_quota_mb * MEGABYTE, used=stored),
    )


async def propose_change(
    tx: AsyncSession, caller: Caller, team_id: UUID, new: schemas.NewQuotaChange
) -> schemas.QuotaChange:
    """Propose other quotas for a team, as an operator.

    Raises:
        NotFound, NotYourDivision, QuotaChangeProposed
    """
    team = await tx.get(Team, team_id, with_for_update=True)
    if team is None:
        raise NotFound
    acting_in(caller, [team.division_code], members.OPERATOR)
    same = TeamQuotaChange.team_id == team.id, TeamQuotaChange.status == QuotaChangeStatus.PROPOSED
    if other := await tx.scalar(select(TeamQuotaChange.id).where(*same)):
        raise QuotaChangeProposed(quota_change_id=str(other))
    values = {name: getattr(team, name) for name in _QUOTAS} | new.model_dump(exclude_none=True)
    change = TeamQuotaChange(team=team, proposed_by=caller.id, **values)
    tx.add(change)
    return await _changed(tx, change)


async def decide_change(
    tx: AsyncSession, caller: Caller, change_id: UUID, status: QuotaChangeStatus
) -> schemas.QuotaChange:
    """Approve or reject other quotas as the second operator; what exceeds lower ones stays.

    Raises:
        NotFound, IllegalMove, NotYourDivision; and as `require_second_holder`.
    """
    team_id = select(TeamQuotaChange.team_id).where(TeamQuotaChange.id == change_id).scalar_subquery()
    team = await tx.scalar(select(Team).where(Team.id == team_id).with_for_update())
    if team is None:
        raise NotFound
    change = await tx.get_one(TeamQuotaChange, change_id, populate_existing=True)
    within = [team.division_code]
    acting_in(caller, within, members.OPERATOR)
    await require_second_holder(tx, caller, change.proposed_by, within=within)
    change.decide(status, caller.id)
    if status == QuotaChangeStatus.APPROVED:
        for name in _QUOTAS:
            setattr(team, name, getattr(change, name))
    return await _changed(tx, change)


async def list_changes(
    tx: AsyncSession, caller: Caller, page: PageRequest, status: QuotaChangeStatus
) -> Page[schemas.QuotaChange]:
    """Those of the teams in an operator's divisions, the oldest first."""
    query = select(TeamQuotaChange).join(Team, Team.id == TeamQuotaChange.team_id)
    if (divisions := divisions_of(caller, members.OPERATOR)) is not None:
        query = query.where(Team.division_code.in_(divisions))
    query = query.where(TeamQuotaChange.status == status)
    return await page_of(tx, query, page, TeamQuotaChange.id, schemas.QuotaChange.of)


def _may_see(caller: Caller, team: Team) -> bool:
    operators = caller.memberships_as(members.OPERATOR)
    return members.is_in_team(caller, team.organisation_id, team.division_code) or any(
        reaches(each.division_code, [team.division_code]) for each in operators
    )


def _of(team: Team) -> ColumnElement[bool]:
    return and_(App.organisation_id == team.organisation_id, App.division_code == team.division_code)


async def _packages(tx: AsyncSession, team: Team) -> tuple[int, int]:
    """How many packages were accepted today, and the bytes of all."""
    midnight = datetime.combine(await today_of(tx), time(), CHINA)
    columns = func.count().filter(Package.created_at >= midnight), func.coalesce(func.sum(Package.size_bytes), 0)
    query = select(*columns).select_from(Package).join(App, App.id == Package.app_id).where(_of(team))
    uploads, stored = (await tx.execute(query)).one()
    return int(uploads), int(stored)


async def _changed(tx: AsyncSession, change: TeamQuotaChange) -> schemas.QuotaChange:
    await tx.flush()
    event = _EVENTS[QuotaChangeStatus(change.status)]
    record_on_commit(tx, event, quota_change_id=change.id, team_id=change.team_id)
    return schemas.QuotaChange.of(change)
