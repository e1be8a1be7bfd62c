from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_miniapps.teams import schemas, service
from svc_miniapps.teams.standing import TEAM

router = APIRouter(prefix="/miniapps/v1", tags=["teams"])
CountyStaff = Annotated[Caller, Depends(allow(scope="staff", role=TEAM, assurance_level=0))]
"""Also those who are in no team yet."""


@router.post("/teams", status_code=201)
async def found_team(tx: Tx, caller: CountyStaff, once: OnceKey, body: schemas.NewTeam) -> schemas.Team:
    """Create the team of the caller's organisation for a division, with the caller as its lead."""
    return await once.do(tx, caller, service.found_team(tx, caller, body))


@router.get("/teams")
async def list_teams(tx: ReadTx, caller: CountyStaff, page: PageQuery) -> Page[schemas.Team]:
    """List the teams of the caller's organisations and divisions."""
    return await service.list_teams(tx, caller, page)


@router.get("/teams/{team_id}/members")
async def list_team_members(
    tx: ReadTx, caller: CountyStaff, page: PageQuery, team_id: UUID
) -> Page[schemas.TeamMember]:
    """List the members of a team, with their roles."""
    return await service.list_members(tx, caller, team_id, page)


@router.put("/teams/{team_id}/members/{person_id}")
async def set_team_member(
    tx: Tx, caller: CountyStaff, team_id: UUID, person_id: UUID, body: schemas.NewRole
) -> schemas.TeamMember:
    """Add a person to a team or give a member another role, as a lead.

    The person holds the county_team role of the team's organisation and division.
    """
    return await service.set_member(tx, caller, team_id, person_id, body.role)


@router.delete("/teams/{team_id}/members/{person_id}", status_code=204)
async def remove_team_member(tx: Tx, caller: CountyStaff, team_id: UUID, person_id: UUID) -> None:
    """Remove a member from a team as a lead, or leave it. The last lead stays."""
    await service.remove_member(tx, caller, team_id, person_id)


@router.post("/teams/{team_id}/lead", status_code=201)
async def take_team_lead(tx: Tx, caller: CountyStaff, once: OnceKey, team_id: UUID) -> schemas.TeamMember:
    """Take the lead of a team whose leads have all lost their county_team role."""
    return await once.do(tx, caller, service.take_lead(tx, caller, team_id))
