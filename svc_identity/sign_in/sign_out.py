"""The pages of signing out: an app sends the browser here, the person confirms, and the browser goes on."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from chassis.auth import anyone, verified_otherwise
from chassis.db import ReadTx, Tx
from svc_identity.oauth import logout
from svc_identity.oauth.endpoints import TheIssuer, form
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.logout import LogoutRefused, LogoutRequest, UnknownAddress
from svc_identity.oauth.requests import Parameters, parse, parse_form
from svc_identity.oauth.server import to_app
from svc_identity.sign_in import pages, ways
from svc_identity.sign_in.page_route import PageRoute
from svc_identity.sign_in.presenters import language_of

_PAGES = "/identity/v1/oauth/end-session"
_FORM = form("id_token_hint", optional=logout.PARAMETERS[1:])
router = APIRouter(
    prefix="/identity/v1/oauth",
    tags=["sign-in"],
    default_response_class=HTMLResponse,
    responses={
        303: {"description": "To the address that the app has registered"},
        "default": {
            "description": "A page that says what is wrong, or a problem where no page was asked for.",
            "content": {"text/html": {"schema": {"type": "string"}}},
        },
    },
    route_class=PageRoute,
)


async def _query(request: Request) -> Parameters:
    return parse(request.url.query)


Query = Annotated[Parameters, Depends(_query)]
Form = Annotated[Parameters, Depends(parse_form)]


@router.get("/end-session", dependencies=[Depends(anyone(because="people sign out here"))])
async def show_sign_out(tx: ReadTx, issuer: TheIssuer, request: Request, parameters: Query) -> Response:
    """Ask whether to sign out of an app (OpenID Connect RP-Initiated Logout 1.0).

    With the parameters `id_token_hint`, and `client_id`, `post_logout_redirect_uri`, `state` and `ui_locales`.
    """
    return await tx.run_sync(lambda session: _question(session, issuer, request, parameters))


@router.post("/end-session", dependencies=[Depends(anyone(because="people sign out here"))], openapi_extra=_FORM)
async def post_sign_out(tx: ReadTx, issuer: TheIssuer, request: Request, parameters: Form) -> Response:
    """Ask whether to sign out, with the parameters in a form."""
    return await tx.run_sync(lambda session: _question(session, issuer, request, parameters))


@router.post(
    "/end-session/confirmations",
    dependencies=[Depends(verified_otherwise(by="the ID token of the sign-in"))],
    openapi_extra=_FORM,
)
async def confirm_sign_out(tx: Tx, issuer: TheIssuer, request: Request, parameters: Form) -> Response:
    """End the sign-in, and go on to the address that the app has registered, if it names one."""
    return await tx.run_sync(lambda session: _end(session, issuer, request, parameters))


def _question(session: Session, issuer: Issuer, request: Request, parameters: Parameters) -> Response:
    checked = _checked(session, issuer, request, parameters)
    if not isinstance(checked, LogoutRequest):
        return checked
    brought = {name: value for name, value in parameters if name in logout.PARAMETERS}
    language = language_of(request, parameters)
    return pages.page(
        "sign_out.html",
        language,
        redirect_uri=checked.redirect_uri,
        action=f"{_PAGES}/confirmations",
        fields=brought | {"ui_locales": language},
    )


def _end(session: Session, issuer: Issuer, request: Request, parameters: Parameters) -> Response:
    checked = _checked(session, issuer, request, parameters)
    if not isinstance(checked, LogoutRequest):
        return checked
    logout.end(session, checked)
    if checked.redirect_uri:
        return to_app(checked.way_on)
    language = language_of(request, parameters)
    return pages.page("notice.html", language, heading="signed_out", lead="signed_out_lead")


def _checked(
    session: Session, issuer: Issuer, request: Request, parameters: Parameters
) -> LogoutRequest | HTMLResponse:
    given = dict(parameters)
    if len(given) < len(parameters):  # a parameter is repeated
        return _refused(request, issuer, parameters, "sign_out_unreadable")
    try:
        return logout.check(session, issuer, given)
    except LogoutRefused as refused:
        text = "sign_out_unknown_return" if isinstance(refused, UnknownAddress) else "sign_out_unreadable"
        return _refused(request, issuer, parameters, text)


def _refused(request: Request, issuer: Issuer, parameters: Parameters, text: str) -> HTMLResponse:
    way_on = ways.to_residents_app(issuer)
    language = language_of(request, parameters)
    return pages.page("notice.html", language, status=400, heading="sign_out_refused", lead=text, way_on=way_on)
