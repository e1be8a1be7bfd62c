from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from chassis.auth import Caller, allow, anyone, verified_otherwise
from chassis.db import Database, Transactions, Tx
from chassis.problems import MEDIA_TYPE
from svc_identity.oauth import possession, schemas
from svc_identity.oauth.app_access import service as app_access
from svc_identity.oauth.error_route import ErrorRoute
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.models import Client
from svc_identity.oauth.requests import FORM, Parsed, parse_form
from svc_identity.oauth.server import AuthorizationServer
from svc_identity.oauth.service import ask_for_new_keys
from svc_identity.oauth.subjects import subject_for
from svc_identity.own_apps import OWN_APPS
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import APP_READER, read_personal_data
from svc_identity.people.persons.service import known_person
from svc_identity.texts import choose_language, languages

router = APIRouter(prefix="/identity", tags=["oauth"])
well_known = APIRouter(prefix="/.well-known", tags=["oauth"])
"""Outside of `/identity`: RFC 8414 puts the path of the issuer behind the well-known name."""
of_clients = APIRouter(prefix="/identity/v1/oauth", tags=["oauth"], route_class=ErrorRoute)
"""What clients call themselves, not through a browser."""

_FORM_LIMIT = 64 * 1024
_GRANTED = ("code", "redirect_uri", "code_verifier", "refresh_token", "device_code")
_EXCHANGE = ("subject_token", "subject_token_type", "requested_token_type", "audience")
_ACTING = ("actor_token", "actor_token_type")
_PROVING = ("token", "par")
"""Endpoints where clients prove keys (RFC 9449, sections 5 and 10)."""


async def _issuer(request: Request) -> Issuer:
    issuer: Issuer = request.app.state.issuer
    return issuer


TheIssuer = Annotated[Issuer, Depends(_issuer)]


_DESCRIBED = {
    "ui_locales": {
        "description": (
            "BCP 47 tags with spaces between them, the best first, such as `kk-Arab zh`. Kazakh is in Arabic script, "
            "also for `kk` and `kk-Cyrl`; without a known language, Accept-Language decides."
        )
    }
}


_PROOF = {
    "name": "DPoP",
    "in": "header",
    "required": False,
    "description": (
        "A proof of possession (RFC 9449) for tokens that are bound to its key. The first one, without `nonce`, is "
        "answered with 400 `use_dpop_nonce` and the nonce to use in the header DPoP-Nonce."
    ),
    "schema": {"type": "string"},
}


def form(*required: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """OpenAPI of an operation that takes a form; read by hand, because OAuth forbids repeated parameters."""
    schema = {
        "type": "object",
        "required": list(required),
        "properties": {name: {"type": "string"} | _DESCRIBED.get(name, {}) for name in (*required, *optional)},
    }
    return {
        "requestBody": {"required": True, "content": {FORM: {"schema": schema}}},
        "x-max-body-bytes": _FORM_LIMIT,
    }


def form_of_client(*required: str, optional: tuple[str, ...] = (), proved: bool = False) -> dict[str, Any]:
    """The same of an operation that clients call; the gateway, too, then refuses with OAuth errors."""
    return form(*required, optional=optional) | {"x-oauth-errors": True} | ({"parameters": [_PROOF]} if proved else {})


_ASSERTION = ("client_id", "client_assertion_type", "client_assertion")
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {
        "model": schemas.OAuthError,
        "description": "The grant, the scope or the request is not good; a problem only where it is not good HTTP",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
    401: {"model": schemas.OAuthError, "description": "The client is not who it says"},
    "default": {"model": schemas.OAuthError, "description": "Another refusal, such as of what is no form"},
}


@router.get("/.well-known/openid-configuration", dependencies=[Depends(anyone(because="clients begin here"))])
async def get_openid_configuration(issuer: TheIssuer) -> JSONResponse:
    """Get the provider metadata (OpenID Connect Discovery 1.0)."""
    return _metadata(issuer)


@well_known.get("/oauth-authorization-server/identity", dependencies=[Depends(anyone(because="clients begin here"))])
async def get_authorization_server_metadata(issuer: TheIssuer) -> JSONResponse:
    """Get the same metadata where clients of OAuth 2 look for it (RFC 8414, section 3.1)."""
    return _metadata(issuer)


def _metadata(issuer: Issuer) -> JSONResponse:
    locales = [texts["tag"] for texts in languages().values()]
    return JSONResponse(issuer.metadata(locales), headers={"Cache-Control": "public, max-age=300"})


@router.get("/v1/oauth/jwks", dependencies=[Depends(anyone(because="the keys are public"))])
async def get_jwks(issuer: TheIssuer, response: Response) -> schemas.Jwks:
    """Get the keys that verify tokens issued here (RFC 7517)."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return schemas.Jwks.model_validate(issuer.signer.public_keys())


@of_clients.post(
    "/token",
    dependencies=[Depends(verified_otherwise(by="PKCE, a refresh token or a signed client assertion"))],
    responses={200: {"model": schemas.TokenAnswer}, **REFUSALS},
    openapi_extra=form_of_client(
        "grant_type",
        optional=(*_GRANTED, "scope", *_EXCHANGE, *_ACTING, *_ASSERTION),
        proved=True,
    ),
)
async def create_token(transactions: Transactions, issuer: TheIssuer, request: Request) -> Response:
    """Exchange a code, a refresh token or a client assertion for tokens (RFC 6749, 7636, 7523).

    A token request with a code whose answer was lost may be sent again unchanged within a minute, a refresh within 30
    seconds. A refused request commits too: a code is spent by the first attempt, and a code or refresh token that is
    reused otherwise ends its sign-in.
    """
    return await answer_of_client(transactions, issuer, request, "token")


_PUSHING = (
    "the client_id of an app, to whose registered address people return, and a signed assertion of an app with keys"
)
REQUEST = ("response_type", "redirect_uri", "scope", "code_challenge", "code_challenge_method")
REQUEST_OPTIONS = ("state", "nonce", "ui_locales", "prompt", "max_age", "dpop_jkt")


@of_clients.post(
    "/par",
    status_code=201,
    dependencies=[Depends(verified_otherwise(by=_PUSHING))],
    responses={201: {"model": schemas.PushedRequest}, **REFUSALS},
    openapi_extra=form_of_client("client_id", *REQUEST, optional=(*REQUEST_OPTIONS, *_ASSERTION[1:]), proved=True),
)
async def push_authorization_request(transactions: Transactions, issuer: TheIssuer, request: Request) -> Response:
    """Push an authorization request, of which the browser then brings only a reference (RFC 9126).

    Nobody on the way through the browser can read or change it. The reference opens the sign-in page within nine
    minutes, as often as it is reloaded, and leads to one code.
    """
    return await answer_of_client(transactions, issuer, request, "par")


@of_clients.post(
    "/revoke",
    dependencies=[Depends(verified_otherwise(by="a refresh token, and a signed assertion of clients with keys"))],
    responses=REFUSALS,
    openapi_extra=form_of_client("token", optional=("token_type_hint", *_ASSERTION)),
)
async def revoke_token(transactions: Transactions, issuer: TheIssuer, request: Request) -> Response:
    """Revoke a refresh token and every token descended from it (RFC 7009).

    This ends the sign-in on one device.
    """
    return await answer_of_client(transactions, issuer, request, "revocation")


@of_clients.post(
    "/introspect",
    dependencies=[Depends(verified_otherwise(by="a signed client assertion"))],
    responses={200: {"model": schemas.Introspected}, **REFUSALS},
    openapi_extra=form_of_client("token", *_ASSERTION[1:], optional=("token_type_hint", "client_id")),
)
async def introspect_token(transactions: Transactions, issuer: TheIssuer, request: Request) -> Response:
    """Check whether an access token is in force, and what it allows (RFC 7662).

    A client reads its own tokens, a registered resource server those of all; every other token is `active` false. So is
    one whose sign-in, client or key has ended, ahead of its expiry.
    """
    return await answer_of_client(transactions, issuer, request, "introspection")


async def answer_of_client(transactions: Database, issuer: Issuer, request: Request, endpoint: str) -> Response:
    authorization = request.headers.get("authorization", "")
    parsed = Parsed("POST", issuer.address(endpoint), await parse_form(request), authorization)
    parsed.address = request.client.host if request.client else ""
    if parsed.repeated:
        return JSONResponse({"error": "invalid_request", "error_description": "a parameter is repeated"}, 400)
    unproved = await possession.prove(request, transactions, parsed) if endpoint in _PROVING else None

    unknown: list[str] = []

    def respond(session: Any) -> Response:  # noqa: ANN401 - the synchronous face of the session
        server = AuthorizationServer(session, issuer)
        if unproved:
            return server.handle_error_response(parsed, unproved)
        response = answer(server)
        unknown.extend(filter(None, [server.assertions.unknown_key_of]))
        return response

    def answer(server: AuthorizationServer) -> Response:
        match endpoint:
            case "token":
                return server.create_token_response(parsed)
            case "par":
                return server.push(parsed)
            case _:
                return server.create_endpoint_response(endpoint, parsed)

    async with transactions.transaction() as tx:
        response = await tx.run_sync(respond)
        if parsed.allowed:
            language = choose_language("", request.headers.get("accept-language", ""))
            await app_access.record(tx, *parsed.allowed, language)
        for client_id in unknown:
            await ask_for_new_keys(tx, client_id)
    if "dpop" in request.headers:
        response.headers["DPoP-Nonce"] = request.app.state.nonces.new()
    return response


@router.get("/v1/oauth/userinfo", operation_id="get_userinfo", response_model_exclude_none=True)
@router.post("/v1/oauth/userinfo", operation_id="post_userinfo", response_model_exclude_none=True)
async def get_userinfo(
    tx: Tx,
    issuer: TheIssuer,
    caller: Annotated[Caller, Depends(allow(scope="openid", persons=True))],
    response: Response,
) -> schemas.UserInfo:
    """Get the name and phone of the person who signed in, as the token's scopes allow.

    Scope `profile` gives the name, scope `phone` the phone. Each read is logged.
    """
    response.headers["Cache-Control"] = "no-store"
    person = await known_person(tx, caller.id)
    fields = [name for name, scope in (("name", "profile"), ("phone", "phone")) if scope in caller.scopes]
    client = await tx.get_one(Client, caller.client_id)
    info = schemas.UserInfo(sub=subject_for(issuer.subject_key, client, person.id))
    if fields:
        reader = caller.subject if caller.client_id in OWN_APPS else f"{APP_READER}{caller.client_id}"
        clear = (await read_personal_data(tx, [person.id], fields, reader=reader, purpose=Purpose.USER_INFO))[person.id]
        info.name, info.phone_number = clear.name, clear.phone
        info.phone_number_verified = True if clear.phone else None
    return info
