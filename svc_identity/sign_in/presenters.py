"""What the steps of a sign-in show."""

from urllib.parse import urlencode, urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import UnauthorizedClientError
from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.telemetry import SecurityEvent
from kit.fields.phones import mask_phone
from svc_identity.oauth.grants import UnknownReturnAddressError
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.models import Client
from svc_identity.oauth.pushed import RequestOverError
from svc_identity.oauth.requests import Parameters, Parsed
from svc_identity.oauth.security_log import AUTHORIZATION_REFUSED
from svc_identity.oauth.server import redirect_to_app
from svc_identity.own_apps import OWN_APPS
from svc_identity.people.agreements.documents import version_in_force
from svc_identity.sign_in import agreement, authorization, pages, screens, service, ways
from svc_identity.sign_in.agreement_pages import agreement_links
from svc_identity.sign_in.browser import PATH, Browser, browser_of, new_browser
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.passkey_sign_ins.service import offer
from svc_identity.sign_in.refusals import Refused
from svc_identity.texts import choose_language, languages


def language_of(request: Request, parameters: Parameters) -> str:
    ui_locales = dict(parameters).get("ui_locales", "")
    return choose_language(ui_locales, request.headers.get("accept-language", ""))


async def phone_page(
    tx: AsyncSession,
    issuer: Issuer,
    request: Request,
    parameters: Parameters,
    refused: Refused | None = None,
    phone: str = "",
) -> Response:
    """The page that asks for a phone number, or the refusal of the app's request."""
    language = language_of(request, parameters)
    try:
        parsed = await authorization.check(tx, issuer, parameters)
    except OAuth2Error as error:
        return await authorization_refused(tx, issuer, language, parameters, error)
    language = language_of(request, [*parsed.form.items()])
    browser = browser_of(request) or new_browser(request.app.state.settings)
    others = [pair for pair in parameters if pair[0] != "ui_locales"]
    response = pages.page(
        "phone.html",
        language,
        refused=refused,
        redirect_uri=parsed.payload.redirect_uri,
        form_token=browser.form_token,
        script=True,
        passkey=offer(request.app.state.settings, browser),
        path=PATH,
        request=urlencode(parameters),
        phone=phone,
        asked=_asked(parsed),
        device=await screens.question(tx, issuer, parameters),
        asking=await _asking(tx, parsed),
        agreement=await _agreement(tx, browser, refused),
        agreements=agreement_links(language),
        other_number=f"{PATH}/phone-changes?{urlencode({'ui_locales': language})}",
        languages=[
            (texts, f"{PATH}?{urlencode([*others, ('ui_locales', texts['tag'])])}") for texts in languages().values()
        ],
    )
    browser.remember(response)
    return response


async def _agreement(tx: AsyncSession, browser: Browser, refused: Refused | None) -> str:
    """The version to tick; empty where this browser's people have agreed to it."""
    asked = isinstance(refused, agreement.NotAgreed) or await agreement.is_asked(tx, browser)
    return version_in_force() if asked else ""


def _asked(parsed: Parsed) -> list[str]:
    """What the app asks for, by the names of the sentences that say it; of our own apps only where they want it."""
    if parsed.payload.client_id in OWN_APPS and "consent" not in parsed.form.get("prompt", "").split():
        return []
    return [f"asks_{scope}" for scope in parsed.payload.scope.split()]


async def _asking(tx: AsyncSession, parsed: Parsed) -> tuple[str, str]:
    """Who asks: the name of an app that has one, and the site to which the browser goes back, or else the app's id."""
    target, client = urlsplit(parsed.payload.redirect_uri), await tx.get(Client, parsed.payload.client_id)
    site = (target.hostname or "") if target.scheme == "https" else str(parsed.payload.client_id)
    return (client.title or "") if client else "", site


def code_page(
    issuer: Issuer, browser: Browser, sign_in: SignIn, wait: int, refused: Refused | None = None, ui_locales: str = ""
) -> Response:
    """The page that asks for the code.

    Args:
        issuer: of the tokens.
        browser: that began the sign-in.
        sign_in: whose code it is.
        wait: in how many seconds the next code can be asked for.
        refused: why it is asked for again.
        ui_locales: the language that was chosen on the page.
    """
    language = choose_language(ui_locales, "") if ui_locales else sign_in.language
    texts = languages()[choose_language(language, "")]
    address = f"{PATH}/sign-ins/{sign_in.id}"
    return pages.page(
        "code.html",
        language,
        refused=refused,
        redirect_uri=dict(authorization.request_of(issuer, sign_in))["redirect_uri"],
        script=True,
        form_token=browser.form_token,
        action=address,
        back=f"{PATH}?{sign_in.request}",
        phone=mask_phone(sign_in.phone),
        digits=service.DIGITS,
        minutes=int(service.CODE_LIFE.total_seconds() // 60),
        seconds=wait,
        wait=pages.after(texts, wait) if wait else "",
        usable=not isinstance(refused, service.CodeExpired | service.NoTriesLeft),
        languages=[(each, f"{address}?ui_locales={each['tag']}") for each in languages().values()],
    )


async def authorization_refused(
    tx: AsyncSession, issuer: Issuer, language: str, parameters: Parameters, error: OAuth2Error
) -> Response:
    """Redirect the error of an authorization request to the app, or show it when the app cannot be trusted."""
    AUTHORIZATION_REFUSED.record(error.error)
    if error.redirect_uri:
        return redirect_to_app(issuer, error)
    text = "unknown_app" if error.error == "invalid_client" else "bad_request"
    if isinstance(error, UnknownReturnAddressError):
        text = "unknown_return"
    if isinstance(error, UnauthorizedClientError):
        text = "app_suspended"
    if isinstance(error, RequestOverError):
        text = service.SignInOver.text
    way_on = await ways.to_app_of(tx, issuer, dict(parameters).get("client_id", ""), error.error)
    return pages.refusal_page(language, text, way_on, status=400, error=error.error)


def last_page(event: SecurityEvent, language: str, refused: Refused, way_on: ways.WayOn) -> Response:
    """The page of a sign-in that cannot go on from here."""
    event.record(refused.text)
    return pages.refusal_page(language, refused.text, way_on, status=refused.status, refused=refused)
