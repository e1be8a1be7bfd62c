"""Where the link of a refusal leads: no page is a dead end."""

from typing import NamedTuple
from uuid import UUID

from authlib.common.urls import add_params_to_uri
from sqlalchemy.ext.asyncio import AsyncSession

from svc_identity.oauth.issuer import RESIDENTS_APP, Issuer
from svc_identity.oauth.models import Client
from svc_identity.oauth.requests import parse
from svc_identity.sign_in.browser import PATH
from svc_identity.sign_in.models import SignIn

_DEVICE = "/identity/v1/oauth/device"
_FORMS = ("device", "phone-changes", "phone-stop")
"""Pages of the same address as their form."""


class WayOn(NamedTuple):
    address: str
    text: str
    """The name of the text of its link."""


def to_phone(request: str) -> WayOn:
    """To the begin of a sign-in for an authorization request."""
    return WayOn(f"{PATH}?{request}", "start_again")


def to_code(sign_in_id: UUID) -> WayOn:
    return WayOn(f"{PATH}/sign-ins/{sign_in_id}", "back_to_code")


def to_form_of(path: str) -> WayOn | None:
    """To the page with the form that is posted to an address, or None where no page can be named."""
    room, _, rest = path.removeprefix(f"{PATH}/").partition("/")
    if path == _DEVICE or (path.startswith(f"{PATH}/") and room in _FORMS):
        own = f"/{rest}" if room == "phone-changes" and _is_id(rest) else ""
        return WayOn(f"{PATH}/{'device' if path == _DEVICE else room}{own}", "back")
    first = rest.partition("/")[0]
    return to_code(UUID(first)) if room == "sign-ins" and _is_id(first) else None


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def to_residents_app(issuer: Issuer, error: str = "access_denied") -> WayOn:
    return _to(RESIDENTS_APP, issuer, error)


async def to_app_of(tx: AsyncSession, issuer: Issuer, client_id: str, error: str = "access_denied") -> WayOn:
    """To an app where it is registered, never where only a request says; to the residents' app if it is unknown."""
    client = await tx.get(Client, client_id)
    addresses = [address for address in client.redirect_uris if not address.startswith("http:")] if client else []
    return _to(next(iter(addresses), RESIDENTS_APP), issuer, error)


async def from_sign_in(tx: AsyncSession, issuer: Issuer, sign_in: SignIn) -> WayOn:
    """To the app when the sign-in is finished, else to a new begin of it."""
    if sign_in.finished_at is None:
        return to_phone(sign_in.request)
    return await to_app_of(tx, issuer, dict(parse(sign_in.request))["client_id"])


def _to(address: str, issuer: Issuer, error: str) -> WayOn:
    return WayOn(add_params_to_uri(address, [("error", error), ("iss", issuer.name)]), "open_app")
