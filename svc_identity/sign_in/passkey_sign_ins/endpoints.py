"""The passkey of the phone page, in the place of a phone and its code."""

from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from fastapi import APIRouter, Request, Response

from chassis.db import Transactions
from svc_identity.oauth.endpoints import TheIssuer, form
from svc_identity.oauth.requests import parse, parse_form
from svc_identity.oauth.server import to_app
from svc_identity.sign_in import authorization, pages, screens, ways
from svc_identity.sign_in import service as sign_ins
from svc_identity.sign_in.carriers import TheSms
from svc_identity.sign_in.endpoints import OWN_BROWSER, PUBLIC, TO_APP, pages_router
from svc_identity.sign_in.passkey_sign_ins import service
from svc_identity.sign_in.presenters import language_of, last_page, phone_page
from svc_identity.sign_in.refusals import NotFromHere, Refused
from svc_identity.sign_in.security_log import SIGN_IN_FAILED
from svc_identity.sign_in.steps import Arrival, own_browser, settings_of
from svc_identity.sign_in.steps import to_app as finished

router: APIRouter = pages_router()
_FIELDS = ("form_token", "request", "passkey", "assertion")


@router.post(
    "/authorize/passkey",
    dependencies=[OWN_BROWSER],
    responses=TO_APP,
    openapi_extra=form(*_FIELDS, optional=("agreed", screens.CONFIRMED)),
)
async def submit_passkey(transactions: Transactions, issuer: TheIssuer, sms: TheSms, request: Request) -> Response:
    """Submit the answer of a passkey on the phone page, and send the browser back to the app.

    `passkey` is the hidden field of that page, `assertion` the JSON of the device. The passkey says who comes; the
    sign-in is phishing-resistant and needs neither a phone nor a texted code.
    """
    fields = dict(await parse_form(request))
    parameters = parse(fields.get("request", ""))
    try:
        browser = own_browser(request, fields)
        async with transactions.transaction() as tx:
            checked = await authorization.check(tx, issuer, parameters)
            screens.require_confirmed(issuer, parameters, fields.get(screens.CONFIRMED, ""))
            wanted = service.Wanted(urlencode(parameters), language_of(request, [*checked.form.items()]))
            sign_in = await service.begin(tx, settings_of(request), browser, wanted, fields)
            if sign_in.answer:
                return to_app(sign_in.answer)
            return await finished(tx, issuer, sign_in, Arrival.of(request, sms))
    except NotFromHere as refused:
        way_on = ways.to_phone(urlencode(parameters)) if parameters else ways.to_residents_app(issuer)
        return last_page(SIGN_IN_FAILED, language_of(request, parameters), refused, way_on)
    except Refused as refused:
        SIGN_IN_FAILED.record(refused.text)
        async with transactions.read() as tx:
            return await phone_page(tx, issuer, request, parameters, refused)
    except OAuth2Error:
        async with transactions.read() as tx:
            return await phone_page(tx, issuer, request, parameters)


@router.get("/authorize/passkey", dependencies=[PUBLIC])
async def show_no_passkey(issuer: TheIssuer, request: Request) -> Response:
    """Show the way on to a browser that opens the address of a posted form."""
    over, way_on = sign_ins.SignInOver, ways.to_residents_app(issuer)
    return pages.refusal_page(language_of(request, ()), over.text, way_on, status=over.status)
