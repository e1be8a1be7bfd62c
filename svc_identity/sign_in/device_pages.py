"""The pages where the code of a device is typed, and where signing it in ends."""

from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import anyone, verified_otherwise
from chassis.db import ReadTx, Transactions
from svc_identity.oauth.devices import service
from svc_identity.oauth.devices.service import TooManyWrongCodesError
from svc_identity.oauth.endpoints import TheIssuer, form
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.requests import Parameters, parse, parse_form
from svc_identity.sign_in import pages, screens, ways
from svc_identity.sign_in import service as sign_ins
from svc_identity.sign_in.browser import PATH, browser_of, new_browser
from svc_identity.sign_in.page_route import PageRoute
from svc_identity.sign_in.presenters import language_of
from svc_identity.sign_in.refusals import NotFromHere, Refused, TooOften
from svc_identity.sign_in.second_taps import is_first
from svc_identity.sign_in.security_log import CODE_REFUSED
from svc_identity.texts import languages

_FORM = f"{PATH}/device"
"""Below the path of the browser's cookie."""
router = APIRouter(
    prefix="/identity/v1/oauth",
    tags=["sign-in"],
    default_response_class=HTMLResponse,
    responses={
        "default": {
            "description": "A page that says what is wrong, or a problem where no page was asked for.",
            "content": {"text/html": {"schema": {"type": "string"}}},
        }
    },
    route_class=PageRoute,
)
_PUBLIC = Depends(anyone(because="people sign devices in here"))


class WrongCode(Refused):
    text = "device_wrong"


class TooManyWrong(TooOften):
    text = "device_too_many"


@router.get("/device", dependencies=[_PUBLIC], responses={303: {"description": "To the page that asks for the code"}})
async def open_device_page(request: Request) -> Response:
    """Send a browser to the page that asks for the code of a device.

    `user_code` may be in the query, as QR codes have it.
    """
    given = {name: value for name, value in parse(request.url.query) if name in {"user_code", "ui_locales"}}
    return RedirectResponse(f"{_FORM}?{urlencode(given)}", 303, {"Cache-Control": "no-store"})


@router.get("/authorize/device", dependencies=[_PUBLIC])
async def show_device_form(request: Request) -> Response:
    """Show the page that asks for the code of a device."""
    parameters = parse(request.url.query)
    return _page(request, parameters, dict(parameters).get("user_code", ""))


@router.post(
    "/authorize/device",
    dependencies=[Depends(verified_otherwise(by="the cookie and the form of the page before"))],
    responses={303: {"description": "To the page that signs in"}},
    openapi_extra=form("form_token", "user_code", optional=("ui_locales",)),
)
async def find_device(transactions: Transactions, issuer: TheIssuer, request: Request) -> Response:
    """Find the device that waits with a code, and go on to sign in for it. The same wrong code is counted once."""
    parameters = await parse_form(request)
    fields = dict(parameters)
    user_code = fields.get("user_code", "")
    browser = browser_of(request)
    if browser is None or not browser.sent(fields.get("form_token", "")):
        return _page(request, parameters, user_code, NotFromHere())
    address = request.client.host if request.client else ""
    try:
        async with transactions.transaction() as tx:
            first = await is_first(tx, "device", browser.secret, service.written(user_code))
            device = await service.find(tx, service.source_of(address), user_code, is_counted=not first)
    except TooManyWrongCodesError as refused:
        return _page(request, parameters, user_code, TooManyWrong(wait=refused.wait))
    if device is None:
        return _page(request, parameters, user_code, WrongCode())
    query = screens.parameters_for(issuer, device, service.written(user_code), language_of(request, parameters))
    return RedirectResponse(f"{PATH}?{urlencode(query)}", 303, {"Cache-Control": "no-store"})


@router.get("/authorize/device/done", dependencies=[_PUBLIC])
async def show_device_done(tx: ReadTx, issuer: TheIssuer, request: Request) -> Response:
    """Show that the device is signed in, to the browser that did it; to any other that the device itself says so."""
    given = dict(parse(request.url.query))
    language = language_of(request, [*given.items()])
    if await _has_signed_in(tx, issuer, request, given.get("sign_in", "")):
        return pages.page("notice.html", language, heading="device_done", lead="device_done_lead")
    way_on = ways.WayOn(f"{_FORM}?{urlencode({'ui_locales': language})}", "device_continue")
    return pages.page("notice.html", language, heading="device_title", lead="device_shown_there", way_on=way_on)


@router.get("/device/done", dependencies=[_PUBLIC], responses={303: {"description": "To the page that replaces it"}})
async def open_device_done(request: Request) -> Response:
    """Send a browser on from where the page was before 1.3.0."""
    query = urlencode([pair for pair in parse(request.url.query) if pair[0] == "ui_locales"])
    return RedirectResponse(f"{_FORM}/done?{query}", 303, {"Cache-Control": "no-store"})


async def _has_signed_in(tx: AsyncSession, issuer: Issuer, request: Request, sign_in_id: str) -> bool:
    browser = browser_of(request)
    try:
        sign_in = await sign_ins.begun_by(tx, UUID(sign_in_id), browser.fingerprint) if browser else None
    except ValueError:
        return False
    return sign_in is not None and (sign_in.answer or "").startswith(f"{screens.done_address(issuer)}?")


def _page(request: Request, parameters: Parameters, user_code: str, refused: Refused | None = None) -> Response:
    if refused:
        CODE_REFUSED.record(refused.text)
    language, browser = language_of(request, parameters), browser_of(request) or new_browser(request.app.state.settings)
    response = pages.page(
        "device.html",
        language,
        refused=refused,
        form_token=browser.form_token,
        action=_FORM,
        user_code=user_code,
        languages=[(texts, f"{_FORM}?{urlencode({'ui_locales': texts['tag']})}") for texts in languages().values()],
    )
    browser.remember(response)
    return response
