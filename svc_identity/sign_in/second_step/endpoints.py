"""The page between the texted code and the app: the second factor, or its set-up and the recovery codes.

A client without a browser posts all hidden fields of its form and `code`, and `enrolment_code` where the form has it.
"""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.db import ReadTx, Transactions
from svc_identity.oauth.endpoints import TheIssuer, form
from svc_identity.oauth.requests import parse_form
from svc_identity.oauth.server import to_app
from svc_identity.sign_in import service as sign_ins
from svc_identity.sign_in import steps
from svc_identity.sign_in.carriers import TheSms
from svc_identity.sign_in.endpoints import OWN_BROWSER, PUBLIC, TO_APP, pages_router
from svc_identity.sign_in.refusals import Refused
from svc_identity.sign_in.second_step import presenters, service
from svc_identity.sign_in.security_log import SIGN_IN_FAILED, registered_person

router: APIRouter = pages_router()
TO_PASSWORD: dict[int | str, dict[str, str]] = {303: {"description": "To the page of the password, which comes first"}}
_PATH = "/authorize/sign-ins/{sign_in_id}/factor"


@router.get(_PATH, dependencies=[OWN_BROWSER], responses=TO_PASSWORD)
async def show_factor_form(tx: ReadTx, issuer: TheIssuer, request: Request, sign_in_id: UUID) -> Response:
    """Show the page that asks for the second factor, or sets one up."""
    try:
        browser = steps.own_browser(request)
        if await service.waits_for_password(tx, sign_in_id, browser.fingerprint):
            return steps.to_password(sign_in_id)
        sign_in = await service.passed_phone(tx, sign_in_id, browser.fingerprint)
        return await presenters.factor_page(tx, issuer, steps.settings_of(request), browser, sign_in)
    except Refused as refused:
        return await steps.ended(tx, issuer, request, SIGN_IN_FAILED, refused, sign_in_id)


@router.post(
    _PATH,
    dependencies=[OWN_BROWSER],
    responses=TO_APP,
    openapi_extra=form("form_token", optional=("code", "assertion", "credential", "enrolment_code", "ui_locales")),
)
async def submit_factor(
    transactions: Transactions, issuer: TheIssuer, sms: TheSms, request: Request, sign_in_id: UUID
) -> Response:
    """Check the code of the second factor and send the browser back to the app, or set the factor up.

    `code` is one of an authenticator app or a recovery code, `assertion` the JSON of a passkey's answer, and
    `credential` that of a new passkey. A second tap
    gets the answer of the first one.
    """
    fields = dict(await parse_form(request))
    code, settings = fields.get("code", ""), steps.settings_of(request)
    try:
        browser = steps.own_browser(request, fields)
        async with transactions.transaction() as tx:
            known = await sign_ins.answered_just_now(tx, settings, sign_in_id, browser.fingerprint, code)
            if known:
                return to_app(known)
            sign_in = await service.passed_phone(tx, sign_in_id, browser.fingerprint, for_update=True)
            refused = await service.submit(tx, issuer, settings, sign_in, fields)
            if sign_in.finished_at:
                return await steps.to_app(tx, issuer, sign_in, steps.Arrival.of(request, sms))
    except Refused as over:
        async with transactions.read() as tx:
            return await steps.ended(tx, issuer, request, SIGN_IN_FAILED, over, sign_in_id, fields)
    if refused is None:
        return steps.to_factor(sign_in.id)
    person_id = await registered_person(transactions, sign_in.phone)
    SIGN_IN_FAILED.record(refused.text, sign_in_id=sign_in.id, person_id=person_id)
    async with transactions.read() as tx:
        return await presenters.factor_page(tx, issuer, settings, browser, sign_in, refused)


@router.post(
    f"{_PATH}/kept",
    dependencies=[OWN_BROWSER],
    responses=TO_APP,
    openapi_extra=form("form_token", optional=("ui_locales",)),
)
async def finish_set_up(
    transactions: Transactions, issuer: TheIssuer, sms: TheSms, request: Request, sign_in_id: UUID
) -> Response:
    """Send the browser back to the app after the recovery codes were shown."""
    fields, settings = dict(await parse_form(request)), steps.settings_of(request)
    try:
        browser = steps.own_browser(request, fields)
        async with transactions.transaction() as tx:
            known = await sign_ins.answered_just_now(tx, settings, sign_in_id, browser.fingerprint, "")
            if known:
                return to_app(known)
            sign_in = await service.passed_phone(tx, sign_in_id, browser.fingerprint, for_update=True)
            if sign_in.factor_id is None:
                return steps.to_factor(sign_in.id)
            sign_ins.finish(settings, sign_in, "")
            return await steps.to_app(tx, issuer, sign_in, steps.Arrival.of(request, sms))
    except Refused as over:
        async with transactions.read() as tx:
            return await steps.ended(tx, issuer, request, SIGN_IN_FAILED, over, sign_in_id, fields)


@router.get(f"{_PATH}/kept", dependencies=[PUBLIC], responses=TO_APP)
async def show_factor_form_again(sign_in_id: UUID) -> Response:
    """Send a browser that opens the address of a posted form to the page of the second factor."""
    return steps.to_factor(sign_in_id)
