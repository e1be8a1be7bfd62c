"""The page between the texted code and the app that asks for a password, and the way on where it is forgotten."""

from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, ReadTx, Transactions
from svc_identity.oauth.endpoints import TheIssuer, form
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.requests import parse_form
from svc_identity.oauth.server import to_app
from svc_identity.sign_in import authorization, pages, steps
from svc_identity.sign_in import service as sign_ins
from svc_identity.sign_in.browser import PATH, Browser, browser_of
from svc_identity.sign_in.carriers import TheSms
from svc_identity.sign_in.endpoints import OWN_BROWSER, TO_APP, pages_router
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.own_password.endpoints import TheHashing
from svc_identity.sign_in.password_step import service
from svc_identity.sign_in.provider import Sms
from svc_identity.sign_in.refusals import Refused
from svc_identity.sign_in.second_step import service as second_step
from svc_identity.sign_in.security_log import SIGN_IN_FAILED, registered_person

router: APIRouter = pages_router()
_PATH = "/authorize/sign-ins/{sign_in_id}/password"


@router.get(_PATH, dependencies=[OWN_BROWSER])
async def show_password_form(tx: ReadTx, issuer: TheIssuer, request: Request, sign_in_id: UUID) -> Response:
    """Show the page that asks for the password."""
    try:
        browser = steps.own_browser(request)
        sign_in = await service.running(tx, sign_in_id, browser.fingerprint)
        return await _page(tx, issuer, browser, sign_in)
    except Refused as refused:
        return await steps.ended(tx, issuer, request, SIGN_IN_FAILED, refused, sign_in_id)


@router.post(
    _PATH,
    dependencies=[OWN_BROWSER],
    responses=TO_APP,
    openapi_extra=form("form_token", "password", optional=("ui_locales",)),
)
async def submit_password(
    transactions: Transactions,
    issuer: TheIssuer,
    sms: TheSms,
    hashing: TheHashing,
    request: Request,
    sign_in_id: UUID,
) -> Response:
    """Check the password and send the browser back to the app. A second tap gets the answer of the first one."""
    fields = dict(await parse_form(request))
    try:
        browser = steps.own_browser(request, fields)
        typed = fields.get("password", "")
        refused = await service.check(transactions, hashing, sign_in_id, browser.fingerprint, typed)
        if refused is None:
            return await _go_on(transactions, issuer, request, sms, sign_in_id, browser)
    except Refused as over:
        return await _ended(transactions, issuer, request, over, sign_in_id, fields)
    return await _again(transactions, issuer, browser, sign_in_id, refused)


@router.post(
    f"{_PATH}/forgotten",
    dependencies=[OWN_BROWSER],
    openapi_extra=form("form_token", optional=("name", "id_number", "ui_locales")),
)
async def end_forgotten_password(
    transactions: Transactions, issuer: TheIssuer, request: Request, sign_in_id: UUID
) -> Response:
    """End the password after the waiting time; the phone gets a message, and a sign-in with it keeps it."""
    fields, settings = dict(await parse_form(request)), steps.settings_of(request)
    try:
        browser = steps.own_browser(request, fields)
        async with transactions.transaction() as tx:
            sign_in = await service.running(tx, sign_in_id, browser.fingerprint, for_update=True)
            proof = fields.get("name", ""), fields.get("id_number", "")
            refused = await service.forget(tx, settings, sign_in, *proof)
    except Refused as over:
        return await _ended(transactions, issuer, request, over, sign_in_id, fields)
    if refused:
        return await _again(transactions, issuer, browser, sign_in_id, refused)
    days = settings.lost_phone_days
    lead = "password_ends_lead"
    return pages.page("phone_notice.html", sign_in.language, heading="password_ends", lead=lead, days=days)


async def _go_on(
    database: Database, issuer: Issuer, request: Request, sms: Sms, sign_in_id: UUID, browser: Browser
) -> Response:
    async with database.transaction() as tx:
        sign_in = await sign_ins.running(tx, sign_in_id, browser.fingerprint, for_update=True)
        sign_ins.finish(steps.settings_of(request), sign_in, "")
        return await second_step.go_on(tx, issuer, sign_in, steps.Arrival.of(request, sms))


async def _ended(
    database: Database,
    issuer: Issuer,
    request: Request,
    over: Refused,
    sign_in_id: UUID,
    fields: Mapping[str, str],
) -> Response:
    browser = browser_of(request)
    async with database.transaction() as tx:
        if browser and browser.sent(fields.get("form_token", "")):  # of two taps, the second one
            known = await sign_ins.answered_just_now(
                tx, steps.settings_of(request), sign_in_id, browser.fingerprint, ""
            )
            if known:
                return to_app(known)
        return await steps.ended(tx, issuer, request, SIGN_IN_FAILED, over, sign_in_id, fields)


async def _again(database: Database, issuer: Issuer, browser: Browser, sign_in_id: UUID, refused: Refused) -> Response:
    async with database.read() as tx:
        sign_in = await sign_ins.running(tx, sign_in_id, browser.fingerprint)
        person_id = await registered_person(database, sign_in.phone)
        SIGN_IN_FAILED.record(refused.text, sign_in_id=sign_in.id, person_id=person_id)
        return await _page(tx, issuer, browser, sign_in, refused)


async def _page(
    tx: AsyncSession, issuer: Issuer, browser: Browser, sign_in: SignIn, refused: Refused | None = None
) -> Response:
    return pages.page(
        "password.html",
        sign_in.language,
        refused=refused,
        redirect_uri=dict(authorization.request_of(issuer, sign_in))["redirect_uri"],
        form_token=browser.form_token,
        action=f"{PATH}/sign-ins/{sign_in.id}/password",
        back=f"{PATH}?{sign_in.request}",
        asks_identity=await service.asks_identity(tx, sign_in),
    )
