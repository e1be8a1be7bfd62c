"""What devices call, and what the app of a signed-in person calls after it has read a device's QR code."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller, verified_otherwise
from chassis.db import Database, Transactions
from chassis.idempotency import OnceKey
from chassis.problems import NotFound, Problem
from svc_identity.oauth.app_access import service as app_access
from svc_identity.oauth.devices import schemas, service
from svc_identity.oauth.devices.models import DeviceAuthorization
from svc_identity.oauth.endpoints import REFUSALS, TheIssuer, answer_of_client, form_of_client
from svc_identity.oauth.error_route import ErrorRoute
from svc_identity.oauth.freshness import require_recent
from svc_identity.own_apps import allow_in_own_apps
from svc_identity.texts import choose_language

RECENT_SECONDS = 12 * 3_600
"""How old the sign-in of an app may be that signs a device in."""

of_devices = APIRouter(prefix="/identity/v1/oauth", tags=["oauth"], route_class=ErrorRoute)
router = APIRouter(prefix="/identity/v1/me/device-requests", tags=["persons"])
UserCode = Annotated[str, Path(max_length=40, description="As the device shows it.")]


class TooManyWrongCodes(Problem):
    status, code = 429, "too_many_wrong_codes"

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.headers: Mapping[str, str] = {"Retry-After": str(wait)}


@of_devices.post(
    "/device-authorization",
    dependencies=[Depends(verified_otherwise(by="the client_id of an app that is registered for devices"))],
    responses={200: {"model": schemas.DeviceCodes}, **REFUSALS},
    openapi_extra=form_of_client("client_id", "scope"),
)
async def authorize_device(transactions: Transactions, issuer: TheIssuer, request: Request) -> Response:
    """Get the codes by which somebody signs a device in with their phone (RFC 8628).

    The device shows `user_code` and `verification_uri_complete` as a QR code, and asks the token endpoint with
    `device_code` until the answer is no longer `authorization_pending`.
    """
    return await answer_of_client(transactions, issuer, request, "device_authorization")


class _Approver(NamedTuple):
    caller: Caller
    signed_in_at: datetime


async def _approver(
    request: Request, issuer: TheIssuer, caller: Annotated[Caller, Depends(allow_in_own_apps(scope="profile"))]
) -> _Approver:
    """In one of the platform's own apps: another one could sign itself in for more than it was allowed."""
    claims = require_recent(issuer, request, RECENT_SECONDS)
    return _Approver(caller, datetime.fromtimestamp(claims["auth_time"], UTC))


Approver = Annotated[_Approver, Depends(_approver)]


@router.get("/{user_code}")
async def get_device_request(
    transactions: Transactions, approver: Approver, user_code: UserCode
) -> schemas.DeviceRequest:
    """Get the device that waits with a code, to ask whether it may be signed in.

    Show the app, the network and the time, and that nobody else will ever ask for this: whoever sends a code to others
    wants to be signed in as them.
    """
    return show(await _found(transactions, approver.caller, user_code))


@router.post("/{user_code}/approve")
async def approve_device_request(
    transactions: Transactions, request: Request, approver: Approver, once: OnceKey, user_code: UserCode
) -> schemas.DeviceRequest:
    """Approve a device: sign it in as the caller. The sign-in of the app is at most twelve hours old."""
    caller = approver.caller
    device = await _found(transactions, caller, user_code, decided=True)
    language = choose_language("", request.headers.get("accept-language", ""))

    async def approve() -> schemas.DeviceRequest:
        await app_access.record(tx, caller.id, device.client_id, device.scopes, language)
        return await _decide(tx, device, approver, approved=True)

    async with transactions.transaction() as tx:
        return await once.do(tx, caller, approve())


@router.post("/{user_code}/refuse")
async def refuse_device_request(
    transactions: Transactions, approver: Approver, once: OnceKey, user_code: UserCode
) -> schemas.DeviceRequest:
    """Refuse to sign the device in."""
    caller = approver.caller
    device = await _found(transactions, caller, user_code, decided=True)

    async def refuse() -> schemas.DeviceRequest:
        return await _decide(tx, device, approver, approved=False)

    async with transactions.transaction() as tx:
        return await once.do(tx, caller, refuse())


async def _found(
    transactions: Database, caller: Caller, user_code: str, *, decided: bool = False
) -> DeviceAuthorization:
    """The device of a code; a wrong code is counted in a transaction of its own, which the refusal leaves."""
    try:
        async with transactions.transaction() as tx:
            by = caller.id if decided else None
            found = await service.find(tx, f"person {caller.subject}", user_code, decided_by=by)
    except service.TooManyWrongCodesError as refused:
        raise TooManyWrongCodes(refused.wait) from None
    if found is None:
        raise NotFound
    return found


async def _decide(
    tx: AsyncSession, device: DeviceAuthorization, approver: _Approver, *, approved: bool
) -> schemas.DeviceRequest:
    decided = await service.decide(
        tx, device.id, approver.caller.id, signed_in_at=approver.signed_in_at, approved=approved
    )
    if decided is None:
        raise NotFound
    return show(decided)


def show(device: DeviceAuthorization) -> schemas.DeviceRequest:
    decided = {None: None, True: schemas.Decision.APPROVED, False: schemas.Decision.REFUSED}
    return schemas.DeviceRequest(
        client_id=device.client_id,
        scopes=device.scopes,
        network=device.network,
        requested_at=device.created_at,
        expires_at=device.expires_at,
        decision=decided[device.approved],
    )
