"""Who may act for a team now: a county_team role of svc_identity that stands, and a place in the team's own list."""

from dataclasses import replace
from uuid import UUID

from fastapi import Request
from sqlalchemy import and_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller, Membership, TokenRule
from chassis.db import Database
from kit.staff.models import staff_roles
from svc_miniapps.teams.models import ACTING, Team, TeamMember

TEAM = "county_team"
Key = tuple[UUID, str | None]
"""A team by its organisation and division."""


class TeamRule(TokenRule):
    """Requires a role, and leaves of the caller's county_team roles those by which they act for a team."""

    async def __call__(self, request: Request) -> Caller:
        return await with_acting_roles(request.app.state.database, await super().__call__(request))


def allow_of_team(*roles: str, assurance_level: int = 0) -> TeamRule:
    """Require a person with one of these roles; testers and those whom the team does not list act for no team."""
    return TeamRule(kind="person", scope="staff", assurance_level=assurance_level, roles=roles)


async def with_acting_roles(database: Database, caller: Caller) -> Caller:
    """The caller without county_team roles in teams that exist and do not list them as lead or developer.

    Read for each request, so a removal holds from the next one on.
    """
    held = caller.memberships_as(TEAM)
    if not held:
        return caller
    mine = and_(TeamMember.team_id == Team.id, TeamMember.person_id == caller.id, TeamMember.ended_at.is_(None))
    query = select(Team.organisation_id, Team.division_code, TeamMember.role).outerjoin(TeamMember, mine)
    keys = [_key(each) for each in held]
    async with database.read() as tx:
        rows = await tx.execute(query.where(tuple_(Team.organisation_id, Team.division_code).in_(keys)))
        roles = {(organisation_id, division_code): role for organisation_id, division_code, role in rows}
    silent = {key for key, role in roles.items() if role not in ACTING}
    kept = tuple(each for each in caller.memberships if each.role != TEAM or _key(each) not in silent)
    return replace(caller, memberships=kept)


def _key(membership: Membership) -> Key:
    return membership.organisation_id, membership.division_code


async def holders(tx: AsyncSession, team: Team, *persons: UUID) -> set[UUID]:
    """Which of these persons hold the county_team role of this team's organisation and division now."""
    rows = await tx.scalars(
        select(staff_roles.c.person_id).where(
            staff_roles.c.person_id.in_(persons),
            staff_roles.c.role == TEAM,
            staff_roles.c.organisation_id == team.organisation_id,
            staff_roles.c.granted_at.is_not(None),
            staff_roles.c.ended_at.is_(None),
            # Roles of before they had divisions are those of their organisation's one division.
            (staff_roles.c.division_code == team.division_code) | staff_roles.c.division_code.is_(None),
        )
    )
    return set(rows)
