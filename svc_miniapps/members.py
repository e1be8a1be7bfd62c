"""Who acts on mini-apps: county teams for their own division, reviewers for others' apps of theirs, operators."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import InstrumentedAttribute

from chassis.auth import Caller, Membership, allow
from kit.staff.reach import acting_in, divisions_of, reaches
from svc_miniapps.teams import standing

TEAM = standing.TEAM
REVIEWER = "reviewer"
OPERATOR = "operator"

TeamMember = Annotated[Caller, Depends(standing.allow_of_team(TEAM))]
Reviewer = Annotated[Caller, Depends(allow(scope="staff", role=REVIEWER))]
TeamMemberOrReviewer = Annotated[Caller, Depends(standing.allow_of_team(TEAM, REVIEWER))]
TeamMemberOrOperator = Annotated[Caller, Depends(standing.allow_of_team(TEAM, OPERATOR))]
Operator = Annotated[Caller, Depends(allow(scope="staff", role=OPERATOR))]


def team_for(caller: Caller, division_code: str) -> Membership | None:
    """The caller's place in a county team of this division."""
    teams = (membership for membership in caller.memberships_as(TEAM) if membership.division_code == division_code)
    return next(teams, None)


def reviews_in(caller: Caller, division_code: str) -> bool:
    """Whether the caller is a reviewer of this division or of the whole prefecture."""
    return any(reaches(each.division_code, [division_code]) for each in caller.memberships_as(REVIEWER))


def reviewer_of(caller: Caller, division_code: str) -> Membership:
    """The membership by which the caller reviews the apps of this division.

    Raises:
        NotYourDivision
    """
    return acting_in(caller, [division_code], REVIEWER).memberships_as(REVIEWER)[0]


def reviewable(
    caller: Caller, organisation_id: InstrumentedAttribute[UUID], division_code: InstrumentedAttribute[str]
) -> ColumnElement[bool]:
    """The apps that a reviewer may review: of their divisions, and of organisations in which they have no role."""
    others = organisation_id.not_in([membership.organisation_id for membership in caller.memberships])
    divisions = divisions_of(caller, REVIEWER)
    return others if divisions is None else and_(others, division_code.in_(divisions))


def is_in_team(caller: Caller, organisation_id: UUID, division_code: str) -> bool:
    """Whether the caller acts for this organisation's team of this division, as its lead or as a developer."""
    return any(
        membership.organisation_id == organisation_id and membership.division_code == division_code
        for membership in caller.memberships_as(TEAM)
    )


def belongs_to(caller: Caller, organisation_id: UUID) -> bool:
    """Whether the caller has any role in this organisation."""
    return any(membership.organisation_id == organisation_id for membership in caller.memberships)
