"""The pages of level 3 by network identity certificate, between a finished sign-in and the app that asked for it."""

import hmac
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from chassis.auth import AssuranceTooLow
from chassis.db import ReadTx, Transactions
from svc_identity.oauth.endpoints import TheIssuer, form
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.requests import parse, parse_form
from svc_identity.oauth.server import to_app
from svc_identity.people.agreements.documents import version_in_force
from svc_identity.people.consents.activities import Activity
from svc_identity.people.consents.models import Way
from svc_identity.people.consents.service import Given, give
from svc_identity.people.persons.service import known_person, registered
from svc_identity.people.proofing.service import TooManyProofings
from svc_identity.sign_in import agreement_pages, authorization, pages, steps
from svc_identity.sign_in.browser import Browser
from svc_identity.sign_in.carriers import TheSms
from svc_identity.sign_in.certificates import service
from svc_identity.sign_in.endpoints import OWN_BROWSER, TO_APP, pages_router
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.refusals import NotFromHere, Refused
from svc_identity.sign_in.security_log import SIGN_IN_FAILED
from svc_identity.sign_in.service import SignInOver
from svc_identity.verifications import service as verifications
from svc_identity.verifications.conclusion import conclude
from svc_identity.verifications.models import Method, Verification, VerificationStatus
from svc_identity.verifications.observation import observe
from svc_identity.verifications.one_at_a_time import one_at_a_time
from svc_identity.verifications.opening import Back, open_session
from svc_identity.verifications.provider import NetworkSession, TheVerifiers, Verifiers, VerifierUnavailable

router: APIRouter = pages_router()
_PATH = "/authorize/sign-ins/{sign_in_id}/certificate"


class Returned(BaseModel):
    """With what a browser comes back from the network identity service; no code where the person declined."""

    code: str = Field(default="", pattern=r"^[!-~]{0,500}$")
    state: str = Field(default="", pattern=r"^[!-~]{0,200}$")


@router.get(_PATH, dependencies=[OWN_BROWSER])
async def show_certificate_choice(tx: ReadTx, issuer: TheIssuer, request: Request, sign_in_id: UUID) -> Response:
    """Show the choice to verify oneself by network identity certificate, or to go on without."""
    try:
        browser = steps.own_browser(request)
        return _page(issuer, browser, await service.waiting(tx, sign_in_id, browser))
    except Refused as refused:
        return await steps.ended(tx, issuer, request, SIGN_IN_FAILED, refused, sign_in_id)


@router.post(_PATH, dependencies=[OWN_BROWSER], openapi_extra=form("form_token", optional=("agreed", "ui_locales")))
async def begin_certificate(
    transactions: Transactions, issuer: TheIssuer, verifiers: TheVerifiers, request: Request, sign_in_id: UUID
) -> Response:
    """Record the consent, and show the way to the network identity service."""
    fields = dict(await parse_form(request))
    try:
        browser = steps.own_browser(request, fields)
        return await _begin(transactions, issuer, verifiers, request, browser, sign_in_id, fields.get("agreed", ""))
    except (SignInOver, NotFromHere) as over:
        async with transactions.read() as tx:
            return await steps.ended(tx, issuer, request, SIGN_IN_FAILED, over, sign_in_id, fields)
    except Refused as refused:
        async with transactions.read() as tx:
            return _page(issuer, browser, await service.waiting(tx, sign_in_id, browser), refused)


async def _begin(
    transactions: Transactions,
    issuer: Issuer,
    verifiers: Verifiers,
    request: Request,
    browser: Browser,
    sign_in_id: UUID,
    agreed: str,
) -> Response:
    async with transactions.transaction() as tx:
        sign_in = await service.waiting(tx, sign_in_id, browser, for_update=True)
        if agreed != version_in_force():
            raise service.ComparisonNotAgreed
        person_id = await registered(tx, sign_in.phone)
        if person_id is None:
            raise SignInOver
        await known_person(tx, person_id, for_update=True)
        client_id = dict(parse(sign_in.request))["client_id"]
        given = Given(agreed, Way.SIGN_IN_PAGE, sign_in.language, client_id=client_id)
        await give(tx, person_id, Activity.NETWORK_CERTIFICATE, given)
        try:
            sign_in.verification_id, subject = await verifications.begin(
                tx, person_id, client_id, Method.NETWORK_CERTIFICATE
            )
        except TooManyProofings as refused:
            raise service.NoTriesLeft(wait=int(refused.headers["Retry-After"])) from None
        except AssuranceTooLow:
            raise service.NotVerified from None
        verification_id = sign_in.verification_id
    origin = steps.settings_of(request).public_url
    back = Back(f"{origin}{service.address(sign_in_id)}/return", service.state_of(browser, verification_id))
    try:
        session = await open_session(transactions, verifiers, verification_id, subject, back)
    except VerifierUnavailable:
        raise service.ServiceAway from None
    async with transactions.transaction() as tx:
        await verifications.opened(tx, verification_id, session)
        to_service = session.address if isinstance(session, NetworkSession) else ""
        return _page(issuer, browser, await service.waiting(tx, sign_in_id, browser), to_service=to_service)


@router.get(f"{_PATH}/return", dependencies=[OWN_BROWSER], responses=TO_APP)
async def return_from_certificate(
    transactions: Transactions,
    issuer: TheIssuer,
    sms: TheSms,
    verifiers: TheVerifiers,
    request: Request,
    sign_in_id: UUID,
    back: Annotated[Returned, Query()],
) -> Response:
    """Take the person back from the network identity service, and send them on to the app once they are verified."""
    try:
        browser = steps.own_browser(request)
        async with transactions.transaction() as tx:
            if known := await service.answered(tx, sign_in_id, browser):
                return to_app(known)
            sign_in = await service.waiting(tx, sign_in_id, browser)
        verification_id = sign_in.verification_id
        if verification_id is None or not hmac.compare_digest(back.state, service.state_of(browser, verification_id)):
            raise NotFromHere
        async with one_at_a_time(transactions, verification_id):
            refused = await _verify(transactions, verifiers, request, sign_in, back.code)
        if refused is None:
            return await _go_on(transactions, issuer, sms, request, browser, sign_in_id)
        return _page(issuer, browser, sign_in, refused)
    except Refused as over:
        async with transactions.read() as tx:
            return await steps.ended(tx, issuer, request, SIGN_IN_FAILED, over, sign_in_id)


async def _verify(
    transactions: Transactions, verifiers: Verifiers, request: Request, sign_in: SignIn, code: str
) -> Refused | None:
    """Finish the verification of a sign-in; returns why it has not passed."""
    if not code or sign_in.verification_id is None:
        return service.NotVerified()
    async with transactions.transaction() as tx:
        person_id = await registered(tx, sign_in.phone)
        if person_id is None:
            raise SignInOver
        asked = await verifications.question(tx, person_id, sign_in.verification_id)
    done = asked
    if not isinstance(asked, Verification):
        try:
            observed = await observe(verifiers, asked, code)
        except VerifierUnavailable:
            return service.ServiceAway()
        life = timedelta(days=steps.settings_of(request).verification_days)
        async with transactions.transaction() as tx:
            done = await conclude(tx, person_id, sign_in.verification_id, observed, life)
    passed = isinstance(done, Verification) and done.status == VerificationStatus.PASSED
    return None if passed else service.NotVerified()


@router.post(
    f"{_PATH}/skip",
    dependencies=[OWN_BROWSER],
    responses=TO_APP,
    openapi_extra=form("form_token", optional=("ui_locales",)),
)
async def skip_certificate(
    transactions: Transactions, issuer: TheIssuer, sms: TheSms, request: Request, sign_in_id: UUID
) -> Response:
    """Send the browser on to the app at the level that is."""
    fields = dict(await parse_form(request))
    try:
        browser = steps.own_browser(request, fields)
        return await _go_on(transactions, issuer, sms, request, browser, sign_in_id)
    except Refused as over:
        async with transactions.read() as tx:
            return await steps.ended(tx, issuer, request, SIGN_IN_FAILED, over, sign_in_id, fields)


async def _go_on(
    transactions: Transactions, issuer: Issuer, sms: TheSms, request: Request, browser: Browser, sign_in_id: UUID
) -> Response:
    async with transactions.transaction() as tx:
        if known := await service.answered(tx, sign_in_id, browser):
            return to_app(known)
        sign_in = await service.waiting(tx, sign_in_id, browser, for_update=True)
        service.release(sign_in)
        return await steps.grant(tx, issuer, sign_in, steps.Arrival.of(request, sms))


def _page(
    issuer: Issuer, browser: Browser, sign_in: SignIn, refused: Refused | None = None, *, to_service: str = ""
) -> Response:
    version = version_in_force()
    return pages.page(
        "certificate.html",
        sign_in.language,
        refused=refused,
        redirect_uri=dict(authorization.request_of(issuer, sign_in))["redirect_uri"],
        form_token=browser.form_token,
        action=service.address(sign_in.id),
        version=version,
        notice=f"{agreement_pages.PATH}/privacy_notice/{version}?ui_locales={sign_in.language}",
        to_service=to_service,
    )
