from uuid import UUID

from fastapi import APIRouter

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_miniapps.members import Reviewer, TeamMember, TeamMemberOrReviewer
from svc_miniapps.publishing.handovers import schemas, service

router = APIRouter(prefix="/miniapps/v1", tags=["teams"])


@router.post("/apps/{app_id}/handovers", status_code=201)
async def propose_handover(
    tx: Tx, caller: TeamMember, once: OnceKey, app_id: UUID, body: schemas.NewHandover
) -> schemas.Handover:
    """Propose that another team takes a mini-app over, as a lead of its team."""
    return await once.do(tx, caller, service.propose(tx, caller, app_id, body))


@router.get("/handovers")
async def list_handovers(tx: ReadTx, caller: TeamMemberOrReviewer, page: PageQuery) -> Page[schemas.Handover]:
    """List hand-overs from and to the caller's teams, and those that a reviewer may confirm, newest first."""
    return await service.list_handovers(tx, caller, page)


@router.post("/handovers/{handover_id}/accept")
async def accept_handover(tx: Tx, caller: TeamMember, once: OnceKey, handover_id: UUID) -> schemas.Handover:
    """Accept a mini-app as a lead of the other team.

    In one division it is theirs at once, otherwise once a reviewer confirms.
    """
    return await once.do(tx, caller, service.accept(tx, caller, handover_id))


@router.post("/handovers/{handover_id}/decline")
async def decline_handover(tx: Tx, caller: TeamMember, once: OnceKey, handover_id: UUID) -> schemas.Handover:
    """Decline a mini-app as a lead of the other team."""
    return await once.do(tx, caller, service.decline(tx, caller, handover_id))


@router.post("/handovers/{handover_id}/withdraw")
async def withdraw_handover(tx: Tx, caller: TeamMember, once: OnceKey, handover_id: UUID) -> schemas.Handover:
    """Withdraw a hand-over that is not completed, as a lead of the app's team."""
    return await once.do(tx, caller, service.withdraw(tx, caller, handover_id))


@router.post("/handovers/{handover_id}/confirm")
async def confirm_handover(tx: Tx, caller: Reviewer, once: OnceKey, handover_id: UUID) -> schemas.Handover:
    """Confirm a hand-over to another division, as a reviewer of both and of another organisation."""
    return await once.do(tx, caller, service.confirm(tx, caller, handover_id))


@router.post("/handovers/{handover_id}/reject")
async def reject_handover(tx: Tx, caller: Reviewer, once: OnceKey, handover_id: UUID) -> schemas.Handover:
    """Reject a hand-over to another division."""
    return await once.do(tx, caller, service.reject(tx, caller, handover_id))
