"""Teams: founded by a person whom svc_identity lists as county_team, kept by their leads."""

from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller, Membership
from chassis.db import new_id
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from kit.staff.refusals import NotYourDivision
from svc_miniapps.reference.divisions.service import require_division
from svc_miniapps.teams import schemas
from svc_miniapps.teams.models import ACTING, Team, TeamMember, TeamRole
from svc_miniapps.teams.standing import TEAM, holders

_COUNTY_CODE_LENGTH = 6
FOUNDED = SecurityEvent("team_founded")
MEMBER_CHANGED = SecurityEvent("team_member_changed")


class TeamBelowCounty(Problem):
    status, code = 422, "team_below_county"


class TeamExists(Problem):
    status, code = 409, "team_exists"


class NotTeamLead(Problem):
    status, code = 403, "not_team_lead"


class NotTeamMember(Problem):
    status, code = 403, "not_team_member"


class NotStaffOfTeam(Problem):
    """The person does not hold the county_team role of the team's organisation and division."""

    status, code = 422, "not_staff_of_team"


class LastLead(Problem):
    status, code = 409, "last_lead"


class TeamHasLead(Problem):
    status, code = 409, "team_has_lead"


class MemberQuotaReached(Problem):
    status, code = 409, "member_quota_reached"


async def found_team(tx: AsyncSession, caller: Caller, new: schemas.NewTeam) -> schemas.Team:
    """Found the team of the caller's organisation for a division; the caller is its first lead.

    Raises:
        TeamBelowCounty, UnknownDivision, NotYourDivision, TeamExists
    """
    if len(new.division_code) != _COUNTY_CODE_LENGTH:
        raise TeamBelowCounty
    await require_division(tx, new.division_code)
    held = [each for each in caller.memberships_as(TEAM) if each.division_code == new.division_code]
    if not held:
        raise NotYourDivision(division_code=new.division_code)
    if (team := await _founded(tx, caller, held[0].organisation_id, new.division_code)) is None:
        raise TeamExists
    return schemas.Team.of(team)


async def _founded(tx: AsyncSession, caller: Caller, organisation_id: UUID, division_code: str) -> Team | None:
    values = {"organisation_id": organisation_id, "division_code": division_code, "founded_by": caller.id}
    # Two may found at once: the constraint decides.
    team = await tx.scalar(insert(Team).values(id=new_id(), **values).on_conflict_do_nothing().returning(Team))
    if team is not None:
        tx.add(TeamMember(team=team, person_id=caller.id, role=TeamRole.LEAD, added_by=caller.id))
        await tx.flush()
        record_on_commit(tx, FOUNDED, team_id=team.id, organisation_id=organisation_id)
    return team


async def lock_own_team(tx: AsyncSession, caller: Caller, membership: Membership) -> Team:
    """The team by which the caller acts, founded if it is not there yet, locked until the transaction ends.

    Raises:
        NotTeamMember: somebody else founded it a moment ago.
    """
    organisation_id, division_code = membership.organisation_id, membership.division_code or ""
    if team := await _founded(tx, caller, organisation_id, division_code):
        return team
    team = await lock_team_of(tx, organisation_id, division_code)
    if (await role_in(tx, team.id, caller.id)) not in ACTING:
        raise NotTeamMember
    return team


async def lock_team_of(tx: AsyncSession, organisation_id: UUID, division_code: str) -> Team:
    same = Team.organisation_id == organisation_id, Team.division_code == division_code
    return (await tx.scalars(select(Team).where(*same).with_for_update())).one()


async def role_in(tx: AsyncSession, team_id: UUID, person_id: UUID) -> TeamRole | None:
    """The person's role in the team now."""
    member = await _member(tx, team_id, person_id)
    return TeamRole(member.role) if member else None


async def require_lead(tx: AsyncSession, caller: Caller, team: Team) -> None:
    """Refuse whoever is no lead of the team, or whose county_team role does not stand.

    Raises:
        NotFound: to those who are not in the team at all.
        NotTeamLead
    """
    if not _holds(caller, team):
        raise NotFound
    if await role_in(tx, team.id, caller.id) is not TeamRole.LEAD:
        raise NotTeamLead


def _holds(caller: Caller, team: Team) -> bool:
    return any(
        each.organisation_id == team.organisation_id and each.division_code == team.division_code
        for each in caller.memberships_as(TEAM)
    )


async def list_teams(tx: AsyncSession, caller: Caller, page: PageRequest) -> Page[schemas.Team]:
    """The teams for which the caller holds the county_team role, whatever the role in them."""
    return await page_of(tx, select(Team).where(_of(caller)), page, Team.id, schemas.Team.of)


def _of(caller: Caller) -> ColumnElement[bool]:
    keys = [(each.organisation_id, each.division_code) for each in caller.memberships_as(TEAM)]
    return tuple_(Team.organisation_id, Team.division_code).in_(keys)


async def team_of_caller(tx: AsyncSession, caller: Caller, team_id: UUID) -> Team:
    """A team whose county_team role the caller holds, whatever the role in it.

    Raises:
        NotFound
    """
    team = await tx.get(Team, team_id)
    if team is None or not _holds(caller, team):
        raise NotFound
    return team


async def list_members(tx: AsyncSession, caller: Caller, team_id: UUID, page: PageRequest) -> Page[schemas.TeamMember]:
    """Who is in a team, for those who hold its role."""
    await team_of_caller(tx, caller, team_id)
    query = select(TeamMember).where(TeamMember.team_id == team_id, TeamMember.ended_at.is_(None))
    return await page_of(tx, query, page, TeamMember.id, schemas.TeamMember.of)


async def set_member(
    tx: AsyncSession, caller: Caller, team_id: UUID, person_id: UUID, role: TeamRole
) -> schemas.TeamMember:
    """Add a person to the team, or give a member another role. The same role again changes nothing.

    Raises:
        NotFound, NotTeamLead, NotStaffOfTeam, LastLead, MemberQuotaReached
    """
    team = await lock_team(tx, team_id)
    await require_lead(tx, caller, team)
    if person_id not in await holders(tx, team, person_id):
        raise NotStaffOfTeam
    member = await _member(tx, team_id, person_id)
    if member and member.role == role:
        return schemas.TeamMember.of(member)
    if member:
        await _end(tx, caller, member)
    elif await _size(tx, team_id) >= team.member_quota:
        raise MemberQuotaReached(quota=team.member_quota)
    member = TeamMember(team=team, person_id=person_id, role=role, added_by=caller.id)
    tx.add(member)
    await tx.flush()
    record_on_commit(tx, MEMBER_CHANGED, team_id=team_id, person_id=person_id, role=role.value)
    return schemas.TeamMember.of(member)


async def remove_member(tx: AsyncSession, caller: Caller, team_id: UUID, person_id: UUID) -> None:
    """Remove a member as a lead, or leave.

    Raises:
        NotFound, NotTeamLead, LastLead
    """
    team = await lock_team(tx, team_id)
    if person_id != caller.id or not _holds(caller, team):
        await require_lead(tx, caller, team)
    if (member := await _member(tx, team_id, person_id)) is None:
        raise NotFound
    await _end(tx, caller, member)
    await tx.flush()
    record_on_commit(tx, MEMBER_CHANGED, team_id=team_id, person_id=person_id, role="none")


async def take_lead(tx: AsyncSession, caller: Caller, team_id: UUID) -> schemas.TeamMember:
    """Lead a team none of whose leads holds the county_team role any more.

    Raises:
        NotFound, TeamHasLead
    """
    team = await lock_team(tx, team_id)
    if not _holds(caller, team):
        raise NotFound
    leads = await _leads(tx, team_id)
    if caller.id in leads or await holders(tx, team, *leads):
        raise TeamHasLead
    if member := await _member(tx, team_id, caller.id):
        member.end(caller.id)
        await tx.flush()
    member = TeamMember(team=team, person_id=caller.id, role=TeamRole.LEAD, added_by=caller.id)
    tx.add(member)
    await tx.flush()
    record_on_commit(tx, MEMBER_CHANGED, team_id=team_id, person_id=caller.id, role="lead")
    return schemas.TeamMember.of(member)


async def _end(tx: AsyncSession, caller: Caller, member: TeamMember) -> None:
    others = await _leads(tx, member.team_id) - {member.person_id}
    # A lead whose role has ended cannot act, and does not count.
    if member.role == TeamRole.LEAD and not await holders(tx, member.team, *others):
        raise LastLead
    member.end(caller.id)
    await tx.flush()


async def lock_team(tx: AsyncSession, team_id: UUID) -> Team:
    team = await tx.scalar(select(Team).where(Team.id == team_id).with_for_update())
    if team is None:
        raise NotFound
    return team


async def _member(tx: AsyncSession, team_id: UUID, person_id: UUID) -> TeamMember | None:
    same = TeamMember.team_id == team_id, TeamMember.person_id == person_id, TeamMember.ended_at.is_(None)
    return await tx.scalar(select(TeamMember).where(*same))


async def _leads(tx: AsyncSession, team_id: UUID) -> set[UUID]:
    leads = TeamMember.team_id == team_id, TeamMember.ended_at.is_(None), TeamMember.role == TeamRole.LEAD
    return set(await tx.scalars(select(TeamMember.person_id).where(*leads)))


async def _size(tx: AsyncSession, team_id: UUID) -> int:
    current = TeamMember.team_id == team_id, TeamMember.ended_at.is_(None)
    return await tx.scalar(select(func.count()).select_from(TeamMember).where(*current)) or 0
