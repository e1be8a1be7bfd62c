from uuid import UUID

from fastapi import APIRouter

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_miniapps.members import Reviewer, TeamMember, TeamMemberOrReviewer
from svc_miniapps.publishing.shutdowns import schemas, service

router = APIRouter(prefix="/miniapps/v1", tags=["shutdowns"])


@router.post("/apps/{app_id}/shutdowns", status_code=201)
async def propose_shutdown(
    tx: Tx, caller: TeamMember, once: OnceKey, app_id: UUID, body: schemas.NewShutdown
) -> schemas.Shutdown:
    """Propose the end of a mini-app of the caller's team; a second person confirms it."""
    return await once.do(tx, caller, service.propose(tx, caller, app_id, body))


@router.get("/apps/{app_id}/shutdowns")
async def list_shutdowns_of_app(
    tx: ReadTx, caller: TeamMemberOrReviewer, page: PageQuery, app_id: UUID
) -> Page[schemas.Shutdown]:
    """List the ends that were proposed for a mini-app, newest first."""
    return await service.shutdowns_of(tx, caller, app_id, page)


@router.get("/shutdowns")
async def list_proposed_shutdowns(tx: ReadTx, caller: Reviewer, page: PageQuery) -> Page[schemas.Shutdown]:
    """List the proposed ends that the reviewer may confirm, longest waiting first."""
    return await service.list_proposed(tx, caller, page)


@router.post("/shutdowns/{shutdown_id}/confirm")
async def confirm_shutdown(tx: Tx, caller: TeamMemberOrReviewer, once: OnceKey, shutdown_id: UUID) -> schemas.Shutdown:
    """Confirm the end of a mini-app as another member of its team or as a reviewer; residents read it at once."""
    return await once.do(tx, caller, service.confirm(tx, caller, shutdown_id))


@router.post("/shutdowns/{shutdown_id}/withdraw")
async def withdraw_shutdown(tx: Tx, caller: TeamMember, once: OnceKey, shutdown_id: UUID) -> schemas.Shutdown:
    """Withdraw the end of a mini-app of the caller's team before its last day has passed."""
    return await once.do(tx, caller, service.withdraw(tx, caller, shutdown_id))
