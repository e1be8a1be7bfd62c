from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_miniapps.members import Operator, TeamMemberOrOperator
from svc_miniapps.publishing.quotas import schemas, service
from svc_miniapps.publishing.quotas.models import QuotaChangeStatus

router = APIRouter(prefix="/miniapps/v1", tags=["teams"])


@router.get("/teams/{team_id}/quotas")
async def get_team_quotas(tx: ReadTx, caller: TeamMemberOrOperator, team_id: UUID) -> schemas.TeamQuotas:
    """Get what a team may use and what it uses: apps, members, packages of today, storage."""
    return await service.get_quotas(tx, caller, team_id)


@router.post("/teams/{team_id}/quota-changes", status_code=201)
async def propose_quota_change(
    tx: Tx, caller: Operator, once: OnceKey, team_id: UUID, body: schemas.NewQuotaChange
) -> schemas.QuotaChange:
    """Propose other quotas for a team; another operator approves them."""
    return await once.do(tx, caller, service.propose_change(tx, caller, team_id, body))


@router.get("/quota-changes")
async def list_quota_changes(
    tx: ReadTx,
    caller: Operator,
    page: PageQuery,
    status: Annotated[QuotaChangeStatus, Query()] = QuotaChangeStatus.PROPOSED,
) -> Page[schemas.QuotaChange]:
    """List the proposed or decided quotas of teams in the operator's divisions, oldest first."""
    return await service.list_changes(tx, caller, page, status)


@router.post("/quota-changes/{quota_change_id}/approve")
async def approve_quota_change(tx: Tx, caller: Operator, once: OnceKey, quota_change_id: UUID) -> schemas.QuotaChange:
    """Approve other quotas as the second operator; they hold at once."""
    work = service.decide_change(tx, caller, quota_change_id, QuotaChangeStatus.APPROVED)
    return await once.do(tx, caller, work)


@router.post("/quota-changes/{quota_change_id}/reject")
async def reject_quota_change(tx: Tx, caller: Operator, once: OnceKey, quota_change_id: UUID) -> schemas.QuotaChange:
    """Reject other quotas as the second operator."""
    work = service.decide_change(tx, caller, quota_change_id, QuotaChangeStatus.REJECTED)
    return await once.do(tx, caller, work)
