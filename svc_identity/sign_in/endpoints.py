"""The pages between an app's authorization request and its code: phone, then code, then back to the app.

Each page has one form. A client without a browser posts all hidden fields of that form and `phone`, then
`code`, keeps the cookie, and does not follow the last redirect, which is the app's.
"""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import anyone, verified_otherwise
from chassis.db import Database, ReadTx, Transactions
from svc_identity.fields import normalise_phone
from svc_identity.oauth.endpoints import REQUEST, REQUEST_OPTIONS, TheIssuer, form
from svc_identity.oauth.requests import Parameters, parse, parse_form
from svc_identity.oauth.server import to_app
from svc_identity.sign_in import agreement, authorization, delivery, pages, screens, service, ways
from svc_identity.sign_in.browser import PATH, Browser
from svc_identity.sign_in.carriers import TheSms
from svc_identity.sign_in.code_limits import QuestionNeeded, wait_for_next
from svc_identity.sign_in.conclusion import conclude, to_question
from svc_identity.sign_in.known_devices import tries_of
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.page_route import REFUSED, PageRoute
from svc_identity.sign_in.presenters import code_page, language_of, last_page, phone_page
from svc_identity.sign_in.questions.presenters import question_page
from svc_identity.sign_in.refusals import NotFromHere, Refused, WrongPhone
from svc_identity.sign_in.security_log import CODE_REFUSED, SIGN_IN_FAILED, registered_person
from svc_identity.sign_in.steps import (
    Arrival,
    address_of,
    ended,
    own_browser,
    place_of,
    requester_of,
    settings_of,
    speak,
    to_factor,
)


def pages_router() -> APIRouter:
    """A router of pages for people who sign in."""
    return APIRouter(
        prefix="/identity/v1/oauth",
        tags=["sign-in"],
        default_response_class=HTMLResponse,
        responses=REFUSED,
        route_class=PageRoute,
    )


router = pages_router()

ANSWER = ("question", "answer", "work")
"""Fields of a form that answers the question before a code."""
PUBLIC = Depends(anyone(because="people sign in here"))
OWN_BROWSER = Depends(verified_otherwise(by="the cookie and the form of the page before"))
TO_APP: dict[int | str, dict[str, str]] = {
    303: {"description": "Back to the app, with a code or an error, or to the second factor"}
}
_GO_ON: dict[int | str, dict[str, str]] = {303: {"description": "To the page that asks for the code"}}


@router.get("/authorize", dependencies=[PUBLIC], responses=TO_APP)
async def show_sign_in(tx: ReadTx, issuer: TheIssuer, request: Request) -> Response:
    """Start to sign in: show the page that asks for a phone number.

    The authorization request of RFC 6749, section 4.1, with PKCE, and of OpenID Connect Core, section 3.1.2, or
    `client_id` and the `request_uri` of a pushed one (RFC 9126).
    """
    return await phone_page(tx, issuer, request, parse(request.url.query))


@router.post(
    "/authorize",
    dependencies=[PUBLIC],
    responses=TO_APP,
    openapi_extra=form(
        "client_id",
        optional=(*REQUEST, *REQUEST_OPTIONS, "request_uri"),
    ),
)
async def post_sign_in(tx: ReadTx, issuer: TheIssuer, request: Request) -> Response:
    """Start to sign in with an authorization request in a form."""
    return await phone_page(tx, issuer, request, await parse_form(request))


@router.post(
    "/authorize/sign-ins",
    dependencies=[OWN_BROWSER],
    responses=_GO_ON,
    openapi_extra=form("form_token", "request", "phone", optional=("agreed", screens.CONFIRMED, *ANSWER)),
)
async def create_sign_in(transactions: Transactions, issuer: TheIssuer, sms: TheSms, request: Request) -> Response:
    """Send a code to a phone number and continue to the page that asks for it.

    `agreed` is the tick of the phone page, with the version of the agreements as its value; without it the page comes
    again, unless this browser has signed in with this phone since that version. `device_confirmed` is the tick that the
    code of a device is seen there, where a device is signed in. Beyond a limit a question comes instead (429), whose
    form is posted here with an `answer` in digits, or with `work`: a number with which SHA-256 of the form's
    `data-prefix`, a colon and that number begins with `data-bits` zero bits.
    """
    fields = dict(await parse_form(request))
    parameters, phone = parse(fields.get("request", "")), fields.get("phone", "")
    language = language_of(request, parameters)
    try:
        browser = own_browser(request, fields)
        requester = await requester_of(transactions, request, browser, fields, phone)
        async with transactions.transaction() as tx:
            checked = await authorization.check(tx, issuer, parameters)
            screens.require_confirmed(issuer, parameters, fields.get(screens.CONFIRMED, ""))
            language = language_of(request, [*checked.form.items()])
            begun = await _start(tx, request, browser, requester, parameters, language, fields)
        if isinstance(begun, service.Code):
            await delivery.send(transactions, sms, begun)
    except NotFromHere as refused:
        way_on = ways.to_phone(urlencode(parameters)) if parameters else ways.to_residents_app(issuer)
        return last_page(CODE_REFUSED, language, refused, way_on)
    except Refused as refused:
        CODE_REFUSED.record(refused.text, person_id=await _person_of(transactions, phone))
        if isinstance(refused, QuestionNeeded):
            place = place_of(request, normalise_phone(phone), "", urlencode(parameters))
            return question_page(settings_of(request), language, refused, fields, place)
        async with transactions.read() as tx:
            return await phone_page(tx, issuer, request, parameters, refused, phone)
    except OAuth2Error:
        async with transactions.read() as tx:
            return await phone_page(tx, issuer, request, parameters)
    return _to_sign_in((begun.sign_in if isinstance(begun, service.Code) else begun).id)


@router.get("/authorize/sign-ins", dependencies=[PUBLIC])
async def show_no_sign_in(issuer: TheIssuer, request: Request) -> Response:
    """Show the way on to a browser that opens the address of the phone form, which is posted only."""
    over, way_on = service.SignInOver, ways.to_residents_app(issuer)
    return pages.refusal_page(language_of(request, ()), over.text, way_on, status=over.status)


@router.get("/authorize/sign-ins/{sign_in_id}", dependencies=[OWN_BROWSER], responses=TO_APP)
async def show_code_form(
    tx: ReadTx,
    issuer: TheIssuer,
    request: Request,
    sign_in_id: UUID,
    ui_locales: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show the page that asks for the code, in the language of the app or the one that was chosen there."""
    try:
        browser = own_browser(request)
        sign_in = await service.running(tx, sign_in_id, browser.fingerprint)
        if sign_in.held_at:
            return to_question(sign_in.id)
        if sign_in.phone_passed_at:
            return to_factor(sign_in.id)
        wait = await wait_for_next(tx, settings_of(request), sign_in, address_of(request))
        return code_page(issuer, browser, sign_in, wait, ui_locales=ui_locales)
    except Refused as refused:
        return await ended(tx, issuer, request, SIGN_IN_FAILED, refused, sign_in_id)


@router.post(
    "/authorize/sign-ins/{sign_in_id}",
    dependencies=[OWN_BROWSER],
    responses=TO_APP,
    openapi_extra=form("form_token", "code", optional=("ui_locales", "not_mine")),
)
async def finish_sign_in(
    transactions: Transactions, issuer: TheIssuer, sms: TheSms, request: Request, sign_in_id: UUID
) -> Response:
    """Check the code and send the browser back to the app.

    An unknown phone number is registered. A second tap gets the answer of the first one, also where the code is wrong.
    After long silence, or with `not_mine` (the number was somebody else's before), the question whose phone it is comes
    first.
    """
    fields = dict(await parse_form(request))
    code = fields.get("code", "")
    try:
        browser = own_browser(request, fields)
        async with transactions.transaction() as tx:
            if address := await service.answered_just_now(
                tx, settings_of(request), sign_in_id, browser.fingerprint, code
            ):
                return to_app(address)
            sign_in = await service.running(tx, sign_in_id, browser.fingerprint, for_update=True)
            speak(sign_in, fields)
            if sign_in.held_at:
                return to_question(sign_in.id)
            most = await tries_of(tx, settings_of(request), sign_in)
            refused = service.try_code(settings_of(request), sign_in, code, most=most)
            if refused is None:
                arrival, denies = Arrival.of(request, sms), "not_mine" in fields
                return await conclude(tx, issuer, settings_of(request), sign_in, arrival, denies=denies)
            wait = await wait_for_next(tx, settings_of(request), sign_in, address_of(request))
            if isinstance(refused, service.NoTriesLeft):
                refused.wait = wait
    except Refused as over:
        async with transactions.read() as tx:
            return await ended(tx, issuer, request, SIGN_IN_FAILED, over, sign_in_id, fields)
    person_id = await registered_person(transactions, sign_in.phone)
    SIGN_IN_FAILED.record(refused.text, sign_in_id=sign_in.id, person_id=person_id)
    return code_page(issuer, browser, sign_in, wait, refused)


@router.post(
    "/authorize/sign-ins/{sign_in_id}/codes",
    dependencies=[OWN_BROWSER],
    responses=_GO_ON,
    openapi_extra=form("form_token", optional=("ui_locales", *ANSWER)),
)
async def send_code_again(
    transactions: Transactions, issuer: TheIssuer, sms: TheSms, request: Request, sign_in_id: UUID
) -> Response:
    """Send another code and invalidate the one before; beyond a limit for an answer, as with the first one."""
    fields = dict(await parse_form(request))
    try:
        browser = own_browser(request, fields)
        async with transactions.transaction() as tx:
            sign_in = await service.running(tx, sign_in_id, browser.fingerprint, for_update=True)
            speak(sign_in, fields)
            phone = sign_in.phone
        requester = await requester_of(transactions, request, browser, fields, phone)
        refused = await delivery.send_again(transactions, sms, settings_of(request), requester, sign_in_id)
        async with transactions.read() as tx:
            sign_in = await service.running(tx, sign_in_id, browser.fingerprint)
            wait = await wait_for_next(tx, settings_of(request), sign_in, address_of(request))
    except Refused as over:
        async with transactions.read() as tx:
            return await ended(tx, issuer, request, CODE_REFUSED, over, sign_in_id, fields)
    if isinstance(refused, QuestionNeeded):
        place = place_of(request, phone, f"/{sign_in.id}/codes", sign_in.request)
        return question_page(settings_of(request), sign_in.language, refused, fields, place)
    if refused:
        return code_page(issuer, browser, sign_in, refused.wait or wait, refused)
    return _to_sign_in(sign_in.id)


@router.get("/authorize/sign-ins/{sign_in_id}/codes", dependencies=[PUBLIC], responses=_GO_ON)
async def show_sign_in_again(sign_in_id: UUID) -> Response:
    """Send a browser that opens the address of a posted form to the page that asks for the code."""
    return _to_sign_in(sign_in_id)


async def _start(
    tx: AsyncSession,
    request: Request,
    browser: Browser,
    requester: service.Requester,
    parameters: Parameters,
    language: str,
    fields: Mapping[str, str],
) -> service.Code | SignIn:
    phone = _phone(fields.get("phone", ""))
    agreed = await agreement.check(tx, browser, phone, fields.get("agreed", ""))
    return await service.start(
        tx,
        settings_of(request),
        requester,
        request=urlencode(parameters),
        language=language,
        phone=phone,
        agreed=agreed,
    )


def _to_sign_in(sign_in_id: UUID) -> Response:
    return RedirectResponse(f"{PATH}/sign-ins/{sign_in_id}", 303, {"Cache-Control": "no-store"})


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
