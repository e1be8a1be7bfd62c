"""The pages between an app's authorization request and its code: phone, then code, then back to the app.

Each page has one form. A client without a browser posts all hidden fields of that form and `phone`, then
`code`, keeps the cookie, and does not follow the last redirect, which is the app's.
"""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import anyone, verified_otherwise
from chassis.db import Database, ReadTx, Transactions
from chassis.telemetry import SecurityEvent
from kit.fields.phones import mask_phone
from svc_identity.fields import normalise_phone
from svc_identity.oauth.endpoints import TheIssuer, form
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.requests import Parameters, parse, parse_form
from svc_identity.oauth.security_log import AUTHORIZATION_REFUSED
from svc_identity.oauth.server import redirect_to_app, to_app
from svc_identity.settings import Settings
from svc_identity.sign_in import authorization, delivery, pages, service
from svc_identity.sign_in.browser import PATH, Browser, browser_of, new_browser
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.provider import TheSms
from svc_identity.sign_in.refusals import NotFromHere, Refused, WrongPhone
from svc_identity.sign_in.security_log import CODE_REFUSED, SIGN_IN_FAILED, registered_person
from svc_identity.texts import choose_language, languages

_REFUSED: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A page that says what is wrong, or a problem where no page was asked for.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}
router = APIRouter(
    prefix="/identity/v1/oauth", tags=["sign-in"], default_response_class=HTMLResponse, responses=_REFUSED
)

_PUBLIC = Depends(anyone(because="people sign in here"))
_OWN_BROWSER = Depends(verified_otherwise(by="the cookie and the form of the page before"))
_TO_APP: dict[int | str, dict[str, str]] = {303: {"description": "Back to the app, with a code or an error"}}
_GO_ON: dict[int | str, dict[str, str]] = {303: {"description": "To the page that asks for the code"}}


@router.get("/authorize", dependencies=[_PUBLIC], responses=_TO_APP)
async def show_sign_in(tx: ReadTx, issuer: TheIssuer, request: Request) -> Response:
    """Start to sign in: show the page that asks for a phone number.

    The authorization request of RFC 6749, section 4.1, with PKCE, and of OpenID Connect Core, section 3.1.2.
    """
    return await _phone_page(tx, issuer, request, parse(request.url.query))


@router.post(
    "/authorize",
    dependencies=[_PUBLIC],
    responses=_TO_APP,
    openapi_extra=form(
        *("client_id", "response_type", "redirect_uri", "scope", "code_challenge", "code_challenge_method"),
        optional=("state", "nonce", "ui_locales", "prompt"),
    ),
)
async def post_sign_in(tx: ReadTx, issuer: TheIssuer, request: Request) -> Response:
    """Start to sign in with an authorization request in a form."""
    return await _phone_page(tx, issuer, request, await parse_form(request))


@router.post(
    "/authorize/sign-ins",
    dependencies=[_OWN_BROWSER],
    responses=_GO_ON,
    openapi_extra=form("form_token", "request", "phone"),
)
async def create_sign_in(transactions: Transactions, issuer: TheIssuer, sms: TheSms, request: Request) -> Response:
    """Send a code to a phone number and continue to the page that asks for it."""
    fields = dict(await parse_form(request))
    parameters, phone = parse(fields.get("request", "")), fields.get("phone", "")
    try:
        browser = _own_browser(request, fields)
        async with transactions.transaction() as tx:
            await authorization.check(tx, issuer, parameters)
            begun = await _start(tx, request, browser, parameters, phone)
        if isinstance(begun, service.Code):
            await delivery.send(transactions, sms, begun)
    except NotFromHere as refused:
        return _last_page(CODE_REFUSED, _language(request, parameters), refused)
    except (Refused, OAuth2Error) as refused:
        if isinstance(refused, Refused):
            CODE_REFUSED.record(refused.text, person_id=await _person_of(transactions, phone))
        async with transactions.read() as tx:
            return await _phone_page(tx, issuer, request, parameters, refused, phone)
    return _to_sign_in(begun.sign_in if isinstance(begun, service.Code) else begun)


@router.get("/authorize/sign-ins/{sign_in_id}", dependencies=[_OWN_BROWSER])
async def show_code_form(tx: ReadTx, request: Request, sign_in_id: UUID) -> Response:
    """Show the page that asks for the code."""
    try:
        browser = _own_browser(request)
        return _code_page(request, browser, await service.running(tx, sign_in_id, browser.fingerprint))
    except Refused as refused:
        return _last_page(SIGN_IN_FAILED, _language(request, ()), refused)


@router.post(
    "/authorize/sign-ins/{sign_in_id}",
    dependencies=[_OWN_BROWSER],
    responses=_TO_APP,
    openapi_extra=form("form_token", "code"),
)
async def finish_sign_in(transactions: Transactions, issuer: TheIssuer, request: Request, sign_in_id: UUID) -> Response:
    """Check the code and send the browser back to the app.

    An unknown phone number is registered. A second tap gets the answer of the first one.
    """
    fields = dict(await parse_form(request))
    code = fields.get("code", "")
    try:
        browser = _own_browser(request, fields)
        async with transactions.transaction() as tx:
            if address := await service.answered_just_now(
                tx, _settings(request), sign_in_id, browser.fingerprint, code
            ):
                return to_app(address)
            sign_in = await service.running(tx, sign_in_id, browser.fingerprint, for_update=True)
            refused = service.try_code(_settings(request), sign_in, code)
            if refused is None:
                return await _to_app(tx, issuer, sign_in)
    except Refused as over:
        return _last_page(SIGN_IN_FAILED, _language(request, ()), over)
    person_id = await registered_person(transactions, sign_in.phone)
    SIGN_IN_FAILED.record(refused.text, sign_in_id=sign_in.id, person_id=person_id)
    return _code_page(request, browser, sign_in, refused)


@router.post(
    "/authorize/sign-ins/{sign_in_id}/codes",
    dependencies=[_OWN_BROWSER],
    responses=_GO_ON,
    openapi_extra=form("form_token"),
)
async def send_code_again(transactions: Transactions, sms: TheSms, request: Request, sign_in_id: UUID) -> Response:
    """Send another code and invalidate the one before."""
    fields = dict(await parse_form(request))
    try:
        browser = _own_browser(request, fields)
        requester = _requester(request, browser)
        refused = await delivery.send_again(transactions, sms, _settings(request), requester, sign_in_id)
        async with transactions.read() as tx:
            sign_in = await service.running(tx, sign_in_id, browser.fingerprint)
    except Refused as over:
        return _last_page(CODE_REFUSED, _language(request, ()), over)
    return _code_page(request, browser, sign_in, refused) if refused else _to_sign_in(sign_in)


async def _start(
    tx: AsyncSession, request: Request, browser: Browser, parameters: Parameters, phone: str
) -> service.Code | SignIn:
    return await service.start(
        tx,
        _settings(request),
        _requester(request, browser),
        request=urlencode(parameters),
        language=_language(request, parameters),
        phone=_phone(phone),
    )


async def _to_app(tx: AsyncSession, issuer: Issuer, sign_in: SignIn) -> Response:
    try:
        return await authorization.grant(tx, issuer, sign_in)
    except OAuth2Error as error:  # the client was changed meanwhile
        return _refuse(issuer, sign_in.language, error)


async def _phone_page(
    tx: AsyncSession,
    issuer: Issuer,
    request: Request,
    parameters: Parameters,
    refused: Refused | OAuth2Error | None = None,
    phone: str = "",
) -> Response:
    language = _language(request, parameters)
    try:
        parsed = await authorization.check(tx, issuer, parameters)
    except OAuth2Error as error:
        return _refuse(issuer, language, error)
    browser = browser_of(request) or new_browser(_settings(request))
    others = [pair for pair in parameters if pair[0] != "ui_locales"]
    response = pages.page(
        "phone.html",
        language,
        status=refused.status if isinstance(refused, Refused) else 200,
        redirect_uri=parsed.payload.redirect_uri,
        form_token=browser.form_token,
        action=f"{PATH}/sign-ins",
        request=urlencode(parameters),
        phone=phone,
        refused=refused,
        languages=[
            (texts, f"{PATH}?{urlencode([*others, ('ui_locales', texts['tag'])])}") for texts in languages().values()
        ],
    )
    browser.remember(response)
    return response


def _code_page(request: Request, browser: Browser, sign_in: SignIn, refused: Refused | None = None) -> Response:
    parameters = dict(parse(sign_in.request))
    return pages.page(
        "code.html",
        sign_in.language,
        status=refused.status if refused else 200,
        redirect_uri=parameters["redirect_uri"],
        form_token=browser.form_token,
        action=f"{PATH}/sign-ins/{sign_in.id}",
        back=f"{PATH}?{sign_in.request}",
        phone=mask_phone(sign_in.phone),
        digits=service.DIGITS,
        minutes=int(service.CODE_LIFE.total_seconds() // 60),
        seconds=_settings(request).code_resend_seconds,
        refused=refused,
        usable=not isinstance(refused, service.CodeExpired | service.NoTriesLeft),
    )


def _refuse(issuer: Issuer, language: str, error: OAuth2Error) -> Response:
    """Redirect the error of an authorization request to the app, or show it when the app cannot be trusted."""
    AUTHORIZATION_REFUSED.record(error.error)
    if error.redirect_uri:
        return redirect_to_app(issuer, error)
    return pages.page("refused.html", language, status=400, error=error.error, detail=error.description)


def _last_page(event: SecurityEvent, language: str, refused: Refused) -> Response:
    event.record(refused.text)
    text = languages()[language][refused.text]
    return pages.page("refused.html", language, status=refused.status, error="", detail=text)


def _to_sign_in(sign_in: SignIn) -> Response:
    return RedirectResponse(f"{PATH}/sign-ins/{sign_in.id}", 303, {"Cache-Control": "no-store"})


def _own_browser(request: Request, fields: dict[str, str] | None = None) -> Browser:
    browser = browser_of(request)
    if browser is None or (fields is not None and not browser.sent(fields.get("form_token", ""))):
        raise NotFromHere
    return browser


async def _person_of(database: Database, typed: str) -> UUID | None:
    try:
        return await registered_person(database, normalise_phone(typed))
    except ValueError:
        return None


def _phone(typed: str) -> str:
    try:
        return normalise_phone(typed)
    except ValueError:
        raise WrongPhone from None


def _requester(request: Request, browser: Browser) -> service.Requester:
    # The address is what the server took from X-Forwarded-For of a proxy it trusts; it only counts codes.
    return service.Requester(browser.fingerprint, request.client.host if request.client else "")


def _language(request: Request, parameters: Parameters) -> str:
    ui_locales = dict(parameters).get("ui_locales", "")
    return choose_language(ui_locales, request.headers.get("accept-language", ""))


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings
