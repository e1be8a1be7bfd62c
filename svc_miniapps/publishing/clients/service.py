"""A mini-app becomes an OAuth client: its team requests it, a reviewer of another organisation approves it.

Stopping one is urgent: its team or one reviewer does it at once, and only a new approval lifts it.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.outbox import emit
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.key_sets import public_key_set
from kit.security_log import record_on_commit
from kit.staff.second_person import require_second_holder
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.apps.service import get_app, lock_app
from svc_miniapps.publishing.clients import schemas
from svc_miniapps.publishing.clients.events import AppClientChanged
from svc_miniapps.publishing.clients.models import AppClient, ClientRequest, RequestStatus
from svc_miniapps.publishing.clients.redirects import require_exact
from svc_miniapps.publishing.reviews.service import OwnOrganisation, OwnSubmission
from svc_miniapps.publishing.take_downs.queries import require_standing

_EVENTS = {
    RequestStatus.WAITING: SecurityEvent("client_change_proposed"),
    RequestStatus.APPROVED: SecurityEvent("client_changed"),
    RequestStatus.REJECTED: SecurityEvent("client_change_rejected"),
    RequestStatus.WITHDRAWN: SecurityEvent("client_change_rejected"),
}
_SUSPENDED = SecurityEvent("client_suspended")


class ClientRequestWaiting(Problem):
    """One at a time, so that a reviewer decides on the latest."""

    status, code = 409, "client_request_waiting"


class ClientRequestOutdated(Problem):
    """The client was changed or suspended after this was requested."""

    status, code = 409, "client_request_outdated"


class AlreadySuspended(Problem):
    status, code = 409, "client_already_suspended"


async def request_client(
    tx: AsyncSession, caller: Caller, app_id: UUID, new: schemas.NewClientRequest
) -> schemas.ClientRequest:
    """Request a client for an app of the caller's team, or other rights for it.

    Raises:
        NotFound, RedirectAddressRefused, ClientRequestWaiting
        BadKeySet, PrivateKeySent: of `jwks`.
    """
    for address in new.redirect_uris:
        require_exact(address)
    keys = None if new.jwks is None else public_key_set(new.jwks)
    app = await lock_app(tx, caller, app_id)
    waiting = ClientRequest.app_id == app.id, ClientRequest.status == RequestStatus.WAITING
    if other := await tx.scalar(select(ClientRequest.id).where(*waiting)):
        raise ClientRequestWaiting(client_request_id=str(other))
    client = await tx.get(AppClient, app.id)
    known = client.revision if client else 0
    values = {**new.model_dump(mode="json"), "jwks": keys}
    request = ClientRequest(app=app, requested_by=caller.id, client_revision=known, **values)
    tx.add(request)
    return await _shown(tx, request)


async def approve_request(tx: AsyncSession, caller: Caller, request_id: UUID) -> schemas.ClientRequest:
    """Approve a request: the client works as it says.

    Raises:
        NotFound, IllegalMove, ClientRequestOutdated
        AppTakenDown: the client stays suspended until the app is restored.
        OwnOrganisation, OwnSubmission: the reviewer has a part in it.
        RoleNotKnownYet, RoleTooNew, NotIndependent: as `require_second_holder`.
    """
    request = await _locked_for_decision(tx, caller, request_id)
    request.decide(RequestStatus.APPROVED, caller.id)
    await require_standing(tx, request.app_id)
    client = await tx.get(AppClient, request.app_id)
    if client is None:
        client = AppClient(app_id=request.app_id, revision=0)
        tx.add(client)
    if client.revision != request.client_revision:
        raise ClientRequestOutdated
    client.redirect_uris, client.scopes = list(request.redirect_uris), list(request.scopes)
    client.jwks = request.jwks
    client.suspended_at = client.suspended_by = client.suspension_reason = None
    await _publish(tx, client)
    return await _shown(tx, request)


async def reject_request(tx: AsyncSession, caller: Caller, request_id: UUID) -> schemas.ClientRequest:
    """Reject a request. Raises as `approve_request` does."""
    request = await _locked_for_decision(tx, caller, request_id)
    request.decide(RequestStatus.REJECTED, caller.id)
    return await _shown(tx, request)


async def withdraw_request(tx: AsyncSession, caller: Caller, request_id: UUID) -> schemas.ClientRequest:
    """Withdraw a request of the caller's team.

    Raises:
        NotFound, IllegalMove
    """
    request = await _locked(tx, request_id)
    if not members.is_in_team(caller, request.app.organisation_id, request.app.division_code):
        raise NotFound
    request.decide(RequestStatus.WITHDRAWN, caller.id)
    return await _shown(tx, request)


async def suspend_client(tx: AsyncSession, caller: Caller, app_id: UUID, reason: str) -> schemas.AppClient:
    """Suspend an app's client at once, as a member of its team or as a reviewer.

    Raises:
        NotFound, AlreadySuspended
    """
    await _visible(tx, caller, app_id)
    await tx.execute(select(App.id).where(App.id == app_id).with_for_update())
    client = await _client(tx, app_id)
    if client.suspended_at:
        raise AlreadySuspended
    client.suspended_at, client.suspended_by, client.suspension_reason = now(), caller.id, reason
    await _publish(tx, client)
    record_on_commit(tx, _SUSPENDED, app_id=app_id, suspended_by=caller.id)
    return schemas.AppClient.of(client)


async def suspend_by_take_down(tx: AsyncSession, app_id: UUID, person_id: UUID) -> bool:
    """Suspend the client of an app that is taken down, unless it has none that works. Returns whether it did."""
    client = await tx.get(AppClient, app_id, populate_existing=True)
    if client is None or client.suspended_at:
        return False
    client.suspended_at, client.suspended_by, client.suspension_reason = now(), person_id, "take-down"
    await _publish(tx, client)
    return True


async def resume_after_take_down(tx: AsyncSession, app_id: UUID) -> None:
    """Lift the suspension that a take-down made."""
    client = await _client(tx, app_id)
    client.suspended_at = client.suspended_by = client.suspension_reason = None
    await _publish(tx, client)


async def suspend_with_owner(tx: AsyncSession, app_id: UUID, by: UUID | None, reason: str) -> None:
    """Suspend the client of an app whose team changes or that ends, if it has one; the app is locked by the caller."""
    client = await tx.get(AppClient, app_id, populate_existing=True)
    if client is None or client.suspended_at:
        return
    client.suspended_at, client.suspended_by, client.suspension_reason = now(), by, reason
    await _publish(tx, client)
    record_on_commit(tx, _SUSPENDED, app_id=app_id, suspended_by=by)


async def get_client(tx: AsyncSession, caller: Caller, app_id: UUID) -> schemas.AppClient:
    await _visible(tx, caller, app_id)
    return schemas.AppClient.of(await _client(tx, app_id))


async def list_requests(
    tx: AsyncSession, caller: Caller, page: PageRequest, status: RequestStatus
) -> Page[schemas.ClientRequest]:
    """The requests that this reviewer may decide or could have decided."""
    query = select(ClientRequest).join(App, App.id == ClientRequest.app_id)
    query = query.where(
        ClientRequest.status == status, members.reviewable(caller, App.organisation_id, App.division_code)
    )
    return await page_of(tx, query, page, ClientRequest.id, schemas.ClientRequest.of)


async def requests_of(tx: AsyncSession, caller: Caller, page: PageRequest, app_id: UUID) -> Page[schemas.ClientRequest]:
    app = await get_app(tx, caller, app_id)
    query = select(ClientRequest).where(ClientRequest.app_id == app.id)
    return await page_of(tx, query, page, ClientRequest.id, schemas.ClientRequest.of, newest_first=True)


async def _visible(tx: AsyncSession, caller: Caller, app_id: UUID) -> None:
    app = await tx.get(App, app_id)
    if app is None or not members.reviews_in(caller, app.division_code):
        await get_app(tx, caller, app_id)


async def _client(tx: AsyncSession, app_id: UUID) -> AppClient:
    client = await tx.get(AppClient, app_id, populate_existing=True)
    if client is None:
        raise NotFound
    return client


async def _locked(tx: AsyncSession, request_id: UUID) -> ClientRequest:
    """A request, read after its app is locked so that it is current."""
    app_id = select(ClientRequest.app_id).where(ClientRequest.id == request_id).scalar_subquery()
    if await tx.scalar(select(App.id).where(App.id == app_id).with_for_update()) is None:
        raise NotFound
    return await tx.get_one(ClientRequest, request_id, populate_existing=True)


async def _locked_for_decision(tx: AsyncSession, caller: Caller, request_id: UUID) -> ClientRequest:
    request = await _locked(tx, request_id)
    if members.belongs_to(caller, request.app.organisation_id):
        raise OwnOrganisation
    within = [request.app.division_code]
    members.reviewer_of(caller, request.app.division_code)
    author = request.requested_by
    await require_second_holder(
        tx, caller, author, role=members.REVIEWER, first_role=members.TEAM, within=within, refusal=OwnSubmission
    )
    return request


async def _publish(tx: AsyncSession, client: AppClient) -> None:
    client.revision += 1
    await tx.flush()
    about = {name: getattr(client, name) for name in ("app_id", "revision", "redirect_uris", "scopes", "jwks")}
    app = await tx.get_one(App, client.app_id)
    await emit(tx, AppClientChanged(name=app.name, suspended=client.suspended_at is not None, **about))


async def _shown(tx: AsyncSession, request: ClientRequest) -> schemas.ClientRequest:
    await tx.flush()
    record_on_commit(
        tx,
        _EVENTS[RequestStatus(request.status)],
        client_request_id=request.id,
        app_id=request.app_id,
        requested_by=request.requested_by,
        decided_by=request.decided_by,
    )
    return schemas.ClientRequest.of(request)
