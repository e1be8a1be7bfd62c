"""A sign-in for which a device waits: the pages of signing in, with a device in the place of an app's request.

The reference in their address is made here once the right code has been typed, so it opens nothing for others. The page
shows what it is about, since a stranger can send its address, and wants that to be confirmed.
"""

import json
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from chassis.db import now
from svc_identity.oauth.devices import service
from svc_identity.oauth.devices.models import DeviceAuthorization
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.models import Client
from svc_identity.oauth.pushed import RequestOverError
from svc_identity.oauth.requests import Parameters, Parsed
from svc_identity.oauth.server import to_app
from svc_identity.people.persons.models import Person
from svc_identity.sign_in.refusals import Refused

PARAMETER = "device_request"
CONFIRMED = "device_confirmed"
_HEADER = {"alg": "dir", "enc": "A256GCM", "typ": "device"}
_ALGORITHMS = ["dir", "A256GCM"]


class NotConfirmed(Refused):
    text = "device_unconfirmed"


class Reference(NamedTuple):
    device_id: UUID
    user_code: str


class Question(NamedTuple):
    """What the page says of the device."""

    app: str
    network: str
    time: str
    user_code: str


def is_for_device(parameters: Parameters) -> bool:
    return PARAMETER in dict(parameters)


def parameters_for(issuer: Issuer, device: DeviceAuthorization, user_code: str, language: str) -> dict[str, str]:
    """The query of the sign-in page."""
    content = json.dumps([str(device.id), user_code]).encode()
    sealed = jwe.encrypt_compact(_HEADER, content, OctKey.import_key(issuer.request_key), algorithms=_ALGORITHMS)
    return {"client_id": device.client_id, PARAMETER: sealed, "ui_locales": language}


def request_of(issuer: Issuer, parameters: Parameters) -> Parameters:
    """What stands in the place of an authorization request; the browser stays with us."""
    return [*parameters, ("redirect_uri", issuer.address("device"))]


def require_confirmed(issuer: Issuer, parameters: Parameters, confirmed: str) -> None:
    """Refuse who has not ticked that they see the code.

    Raises:
        NotConfirmed, RequestOverError
    """
    if is_for_device(parameters) and confirmed != _opened(issuer, parameters).user_code:
        raise NotConfirmed


async def check(tx: AsyncSession, issuer: Issuer, parameters: Parameters) -> Parsed:
    """The request that a device makes.

    Raises:
        RequestOverError: the device waits no more.
    """
    device = await _waiting(tx, issuer, parameters)
    language = dict(parameters).get("ui_locales", "")
    asked = [("client_id", device.client_id), ("scope", device.get_scope()), ("prompt", "consent")]
    return Parsed("GET", issuer.address("authorize"), [*request_of(issuer, asked), ("ui_locales", language)])


async def question(tx: AsyncSession, issuer: Issuer, parameters: Parameters) -> Question | None:
    if not is_for_device(parameters):
        return None
    device = await _waiting(tx, issuer, parameters)
    at = device.created_at.strftime("%H:%M UTC")
    return Question(device.client_id, device.network, at, _opened(issuer, parameters).user_code)


async def approve(
    tx: AsyncSession, issuer: Issuer, parameters: Parameters, person: Person, sign_in_id: UUID
) -> tuple[Response, Parsed]:
    """Sign the device in as this person; the page after it shows so to the browser of this sign-in only.

    Raises:
        RequestOverError
    """
    parsed = await check(tx, issuer, parameters)
    device = await service.decide(
        tx, _opened(issuer, parameters).device_id, person.id, signed_in_at=now(), approved=True
    )
    if device is None:
        raise RequestOverError
    query = urlencode({"sign_in": f"{sign_in_id}", "ui_locales": parsed.form["ui_locales"]})
    return to_app(f"{done_address(issuer)}?{query}"), parsed


def done_address(issuer: Issuer) -> str:
    """Of the page after a device was signed in, below the path of the browser's cookie."""
    return f"{issuer.address('authorize')}/device/done"


async def _waiting(tx: AsyncSession, issuer: Issuer, parameters: Parameters) -> DeviceAuthorization:
    device = await tx.get(DeviceAuthorization, _opened(issuer, parameters).device_id)
    client = await tx.get(Client, device.client_id) if device else None
    is_waiting = device and device.decided_at is None and device.expires_at > now()
    if device is None or not is_waiting or client is None or not client.in_force or not client.device_grant:
        raise RequestOverError
    return device


def _opened(issuer: Issuer, parameters: Parameters) -> Reference:
    sealed = dict(parameters)[PARAMETER]
    try:
        found = jwe.decrypt_compact(sealed, OctKey.import_key(issuer.request_key), algorithms=_ALGORITHMS)
    except (JoseError, ValueError, TypeError):
        raise RequestOverError from None
    if found.protected.get("typ") != _HEADER["typ"]:  # a pushed request is sealed with the same key
        raise RequestOverError
    device_id, user_code = json.loads(found.plaintext or b"[]")
    return Reference(UUID(device_id), user_code)
