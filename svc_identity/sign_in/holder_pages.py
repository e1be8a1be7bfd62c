"""The question whether whoever has a phone now is who had it before, and its two answers. It says nothing of them."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.db import ReadTx, Transactions
from svc_identity.oauth.endpoints import TheIssuer, form
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.requests import parse_form
from svc_identity.oauth.server import to_app as to_address
from svc_identity.sign_in import authorization, continuity, pages, service
from svc_identity.sign_in.browser import PATH, Browser
from svc_identity.sign_in.carriers import TheSms
from svc_identity.sign_in.code_limits import wait_for_next
from svc_identity.sign_in.endpoints import OWN_BROWSER, TO_APP, pages_router
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.refusals import Refused
from svc_identity.sign_in.second_step import service as second_step
from svc_identity.sign_in.security_log import SIGN_IN_FAILED
from svc_identity.sign_in.steps import Arrival, address_of, ended, own_browser, settings_of, to_factor

router: APIRouter = pages_router()
_PATH = "/authorize/sign-ins/{sign_in_id}/holder"


@router.get(_PATH, dependencies=[OWN_BROWSER])
async def show_holder_question(tx: ReadTx, issuer: TheIssuer, request: Request, sign_in_id: UUID) -> Response:
    """Show the question whether the phone was this person's before."""
    try:
        browser = own_browser(request)
        sign_in = await service.running(tx, sign_in_id, browser.fingerprint)
        _require_held(sign_in)
        return _page(issuer, browser, sign_in)
    except Refused as refused:
        return await ended(tx, issuer, request, SIGN_IN_FAILED, refused, sign_in_id)


@router.post(
    f"{_PATH}/proofs",
    dependencies=[OWN_BROWSER],
    responses=TO_APP,
    openapi_extra=form("form_token", "name", "id_number", optional=("ui_locales",)),
)
async def prove_holder(
    transactions: Transactions, issuer: TheIssuer, sms: TheSms, request: Request, sign_in_id: UUID
) -> Response:
    """Check name and ID number of the person from before, and send the browser back to the app."""
    return await _answer(transactions, issuer, sms, request, sign_in_id)


@router.post(
    f"{_PATH}/new",
    dependencies=[OWN_BROWSER],
    responses=TO_APP,
    openapi_extra=form("form_token", optional=("ui_locales",)),
)
async def begin_anew(
    transactions: Transactions, issuer: TheIssuer, sms: TheSms, request: Request, sign_in_id: UUID
) -> Response:
    """Register a new person with the phone; the one from before keeps everything else."""
    return await _answer(transactions, issuer, sms, request, sign_in_id)


async def _answer(
    transactions: Transactions, issuer: Issuer, sms: TheSms, request: Request, sign_in_id: UUID
) -> Response:
    fields = dict(await parse_form(request))
    try:
        browser = own_browser(request, fields)
        async with transactions.transaction() as tx:
            if address := await service.answered_to(tx, sign_in_id, browser.fingerprint):
                return to_address(address)
            sign_in = await service.running(tx, sign_in_id, browser.fingerprint, for_update=True)
            if sign_in.former_id and sign_in.phone_passed_at:  # answered by the first of two taps
                return to_factor(sign_in.id)
            _require_held(sign_in)
            if request.url.path.endswith("/new"):
                await continuity.begin_anew(tx, sign_in)
                return await second_step.go_on(tx, issuer, sign_in, Arrival.of(request, sms))
            proof = fields.get("name", ""), fields.get("id_number", "")
            refused = await continuity.prove(tx, sign_in, *proof)
            if refused is None:
                return await second_step.go_on(tx, issuer, sign_in, Arrival.of(request, sms))
            if isinstance(refused, continuity.NoProofLeft):
                next_code = await wait_for_next(tx, settings_of(request), sign_in, address_of(request))
                refused.wait = max(refused.wait or 0, next_code)
    except Refused as over:
        async with transactions.read() as tx:
            return await ended(tx, issuer, request, SIGN_IN_FAILED, over, sign_in_id, fields)
    return _page(issuer, browser, sign_in, refused)


def _require_held(sign_in: SignIn) -> None:
    if sign_in.held_at is None:
        raise service.SignInOver


def _page(issuer: Issuer, browser: Browser, sign_in: SignIn, refused: Refused | None = None) -> Response:
    return pages.page(
        "holder.html",
        sign_in.language,
        refused=refused,
        redirect_uri=dict(authorization.request_of(issuer, sign_in))["redirect_uri"],
        form_token=browser.form_token,
        action=f"{PATH}/sign-ins/{sign_in.id}/holder",
        usable=sign_in.tries < continuity.TRIES and not isinstance(refused, continuity.NoProofLeft),
    )
