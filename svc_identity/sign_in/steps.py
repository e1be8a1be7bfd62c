"""What all steps of a sign-in do: know their browser, end with a page that leads on, and go back to the app."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.background import BackgroundTask

from chassis.db import Database
from chassis.telemetry import SecurityEvent
from svc_identity.fields import normalise_phone
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.requests import parse
from svc_identity.settings import Settings
from svc_identity.sign_in import authorization, delivery, service, ways
from svc_identity.sign_in.browser import PATH, Browser, browser_of
from svc_identity.sign_in.certificates import service as certificates
from svc_identity.sign_in.code_limits import Source
from svc_identity.sign_in.devices import described
from svc_identity.sign_in.known_devices import is_new_device
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.presenters import authorization_refused, language_of, last_page
from svc_identity.sign_in.provider import Sms
from svc_identity.sign_in.questions.presenters import Place
from svc_identity.sign_in.questions.service import proof_of
from svc_identity.sign_in.refusals import NotFromHere, Refused
from svc_identity.texts import choose_language


async def ended(
    tx: AsyncSession,
    issuer: Issuer,
    request: Request,
    event: SecurityEvent,
    refused: Refused,
    sign_in_id: UUID,
    fields: Mapping[str, str] | None = None,
) -> Response:
    """The last page of a sign-in, in its language where this browser began it."""
    browser = browser_of(request)
    sign_in = await service.begun_by(tx, sign_in_id, browser.fingerprint) if browser else None
    if sign_in is None:
        way_on = ways.to_residents_app(issuer)
        return last_page(event, language_of(request, [*(fields or {}).items()]), refused, way_on)
    return last_page(event, sign_in.language, refused, await ways.from_sign_in(tx, issuer, sign_in))


@dataclass(frozen=True)
class Arrival:
    """In which device somebody signs in, and how their phone is told of a new one."""

    sms: Sms
    device: str | None
    offers_certificates: bool = False

    @classmethod
    def of(cls, request: Request, sms: Sms) -> "Arrival":
        return cls(sms, described(request.headers), bool(settings_of(request).network_identity_url))


async def to_app(tx: AsyncSession, issuer: Issuer, sign_in: SignIn, arrival: Arrival) -> Response:
    """Send the browser of a finished sign-in back to the app, or first to the choice of level 3 where the app asks."""
    if arrival.offers_certificates and await certificates.is_wanted(tx, issuer, sign_in):
        return RedirectResponse(certificates.hold(sign_in), 303, {"Cache-Control": "no-store"})
    return await grant(tx, issuer, sign_in, arrival)


async def grant(tx: AsyncSession, issuer: Issuer, sign_in: SignIn, arrival: Arrival) -> Response:
    """Send the browser of a finished sign-in back to the app, and tell the phone where the device is new."""
    is_new = await is_new_device(tx, sign_in)
    try:
        response = await authorization.grant(tx, issuer, sign_in, arrival.device)
    except OAuth2Error as error:  # the client was changed meanwhile
        return await authorization_refused(tx, issuer, sign_in.language, parse(sign_in.request), error)
    if is_new:
        # Runs after the commit, when the answer has been sent.
        notify = delivery.notify_of_new_device
        response.background = BackgroundTask(notify, arrival.sms, sign_in.phone, sign_in.language, arrival.device)
    return response


def own_browser(request: Request, fields: Mapping[str, str] | None = None) -> Browser:
    """The browser that began the sign-in.

    Raises:
        NotFromHere
    """
    browser = browser_of(request)
    if browser is None or (fields is not None and not browser.sent(fields.get("form_token", ""))):
        raise NotFromHere
    return browser


def to_factor(sign_in_id: UUID) -> Response:
    """To the page of the second factor."""
    return RedirectResponse(f"{PATH}/sign-ins/{sign_in_id}/factor", 303, {"Cache-Control": "no-store"})


def to_password(sign_in_id: UUID) -> Response:
    """To the page of the password."""
    return RedirectResponse(f"{PATH}/sign-ins/{sign_in_id}/password", 303, {"Cache-Control": "no-store"})


def settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def speak(sign_in: SignIn, fields: Mapping[str, str]) -> None:
    """Go on in the language in which a page was read when its form was posted."""
    if chosen := fields.get("ui_locales", ""):
        sign_in.language = choose_language(chosen, sign_in.language)


async def requester_of(
    database: Database, request: Request, browser: Browser, fields: Mapping[str, str], phone: str
) -> service.Requester:
    """The browser, from where it asks, and how it answers the question, which is used up whatever comes of it."""
    address, proof = address_of(request), None
    if "question" in fields:
        with contextlib.suppress(ValueError):  # no phone: said later
            async with database.transaction() as tx:
                proof = await proof_of(tx, settings_of(request), fields, normalise_phone(phone), address)
    return service.Requester(browser.fingerprint, Source(address, proof))


def place_of(request: Request, phone: str, form: str, begin: str) -> Place:
    return Place(phone, address_of(request), f"{PATH}/sign-ins{form}", f"{PATH}?{begin}")


def address_of(request: Request) -> str:
    # What the server took from X-Forwarded-For of a proxy it trusts; it only counts codes.
    return request.client.host if request.client else ""
