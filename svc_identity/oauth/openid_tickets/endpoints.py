from typing import Annotated

from fastapi import APIRouter, Depends, Response

from chassis.auth import Caller
from chassis.db import ReadTx
from svc_identity.oauth.endpoints import TheIssuer
from svc_identity.oauth.openid_tickets import schemas, service
from svc_identity.own_apps import allow_in_own_apps

router = APIRouter(prefix="/identity/v1/me/openid-tickets", tags=["oauth"])
Opener = Annotated[Caller, Depends(allow_in_own_apps(scope="mini_apps"))]


@router.post("", status_code=201)
async def create_openid_ticket(
    tx: ReadTx, issuer: TheIssuer, response: Response, caller: Opener, body: schemas.NewOpenidTicket
) -> schemas.OpenidTicket:
    """Create a ticket that tells svc_miniapps by what name a mini-app knows the caller.

    It is good for five minutes and opens nothing; a mini-app never gets it.
    """
    response.headers["Cache-Control"] = "no-store"
    return await service.issue_ticket(tx, issuer, caller, body.client_id)
