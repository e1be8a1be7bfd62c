"""Who acts on mini-apps: county teams for their own division, reviewers for everyone else's apps."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from chassis.auth import Caller, Membership, allow

TEAM = "county_team"
REVIEWER = "reviewer"

TeamMember = Annotated[Caller, Depends(allow(scope="staff", role=TEAM, assurance_level=0))]
Reviewer = Annotated[Caller, Depends(allow(scope="staff", role=REVIEWER))]
TeamMemberOrReviewer = Annotated[Caller, Depends(allow(scope="staff", role=(TEAM, REVIEWER), assurance_level=0))]


def team_for(caller: Caller, division_code: str) -> Membership | None:
    """The caller's place in a county team of this division."""
    teams = (membership for membership in caller.memberships_as(TEAM) if membership.division_code == division_code)
    return next(teams, None)


def is_in_team(caller: Caller, organisation_id: UUID, division_code: str) -> bool:
    """Whether the caller works in this organisation's county team of this division."""
    return any(
        membership.organisation_id == organisation_id and membership.division_code == division_code
        for membership in caller.memberships_as(TEAM)
    )


def belongs_to(caller: Caller, organisation_id: UUID) -> bool:
    """Whether the caller has any role in this organisation."""
    return any(membership.organisation_id == organisation_id for membership in caller.memberships)
