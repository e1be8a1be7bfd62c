from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from chassis.auth import Caller
from chassis.db import Tx
from chassis.tokens import TokenInvalid, presented_token
from svc_identity.oauth import access_tokens
from svc_identity.oauth.endpoints import TheIssuer
from svc_identity.oauth.login_codes import schemas, service
from svc_identity.own_apps import allow_in_own_apps
from svc_identity.texts import choose_language

router = APIRouter(prefix="/identity/v1/me/login-codes", tags=["oauth"])
Opener = Annotated[Caller, Depends(allow_in_own_apps(scope="mini_apps"))]


@router.post("", status_code=201)
async def create_login_code(
    tx: Tx, issuer: TheIssuer, request: Request, response: Response, caller: Opener, body: schemas.NewLoginCode
) -> schemas.LoginCode:
    """Create a code for the mini-app that the caller has opened; its server exchanges it once, within five minutes.

    An earlier code of the caller for this mini-app that was not used ends. What `profile` or `phone` release needs the
    caller's consent each time: ask on a page that names the mini-app, then send the scope in `agreed`.
    """
    response.headers["Cache-Control"] = "no-store"
    claims = access_tokens.read(issuer, presented_token(request)[1])
    if claims is None or not access_tokens.is_of_person(claims):
        raise TokenInvalid
    if not await tx.run_sync(access_tokens.is_in_force, claims):
        raise TokenInvalid
    language = choose_language("", request.headers.get("accept-language", ""))
    return await service.make_code(tx, caller, claims, body, language)
