from uuid import UUID

from fastapi import APIRouter

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_miniapps.members import Reviewer, TeamMember, TeamMemberOrReviewer
from svc_miniapps.publishing.clients import schemas, service
from svc_miniapps.publishing.clients.models import RequestStatus

router = APIRouter(prefix="/miniapps/v1", tags=["clients"])


@router.post("/apps/{app_id}/client-requests", status_code=201)
async def request_app_client(
    tx: Tx, caller: TeamMember, once: OnceKey, app_id: UUID, body: schemas.NewClientRequest
) -> schemas.ClientRequest:
    """Request that residents may sign in to a mini-app, or other addresses and scopes for it.

    A reviewer of another organisation decides. Until then the client stays as it is.
    """
    return await once.do(tx, caller, service.request_client(tx, caller, app_id, body))


@router.get("/apps/{app_id}/client-requests")
async def list_app_client_requests(
    tx: ReadTx, caller: TeamMember, page: PageQuery, app_id: UUID
) -> Page[schemas.ClientRequest]:
    """List the client requests of a mini-app of the caller's team, newest first."""
    return await service.requests_of(tx, caller, page, app_id)


@router.get("/apps/{app_id}/client")
async def get_app_client(tx: ReadTx, caller: TeamMemberOrReviewer, app_id: UUID) -> schemas.AppClient:
    """Get the OAuth client of a mini-app: its name, addresses and scopes, and whether it is suspended."""
    return await service.get_client(tx, caller, app_id)


@router.post("/apps/{app_id}/client/suspend")
async def suspend_app_client(
    tx: Tx, caller: TeamMemberOrReviewer, once: OnceKey, app_id: UUID, body: schemas.ClientSuspension
) -> schemas.AppClient:
    """Suspend the client of a mini-app at once, as its team or as one reviewer.

    It gets no tokens, and those it has are refused within seconds. An approved request lifts it.
    """
    return await once.do(tx, caller, service.suspend_client(tx, caller, app_id, body.reason))


@router.get("/client-requests")
async def list_client_requests(
    tx: ReadTx, caller: Reviewer, page: PageQuery, status: RequestStatus = RequestStatus.WAITING
) -> Page[schemas.ClientRequest]:
    """List client requests of other organisations' mini-apps, oldest first."""
    return await service.list_requests(tx, caller, page, status)


@router.post("/client-requests/{client_request_id}/approve")
async def approve_client_request(
    tx: Tx, caller: Reviewer, once: OnceKey, client_request_id: UUID
) -> schemas.ClientRequest:
    """Approve a client request: residents can sign in to the mini-app some seconds later."""
    return await once.do(tx, caller, service.approve_request(tx, caller, client_request_id))


@router.post("/client-requests/{client_request_id}/reject")
async def reject_client_request(
    tx: Tx, caller: Reviewer, once: OnceKey, client_request_id: UUID
) -> schemas.ClientRequest:
    """Reject a client request."""
    return await once.do(tx, caller, service.reject_request(tx, caller, client_request_id))


@router.post("/client-requests/{client_request_id}/withdraw")
async def withdraw_client_request(
    tx: Tx, caller: TeamMember, once: OnceKey, client_request_id: UUID
) -> schemas.ClientRequest:
    """Withdraw a client request of the caller's team."""
    return await once.do(tx, caller, service.withdraw_request(tx, caller, client_request_id))
