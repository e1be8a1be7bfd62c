from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from chassis.auth import Caller
from chassis.db import Tx
from chassis.tokens import TokenInvalid, presented_token
from svc_identity.oauth import access_tokens
from svc_identity.oauth.endpoints import TheIssuer
from svc_identity.oauth.order_tickets import schemas, service
from svc_identity.own_apps import allow_in_own_apps

router = APIRouter(prefix="/identity/v1/me/order-tickets", tags=["oauth"])
Payer = Annotated[Caller, Depends(allow_in_own_apps(scope="pay", assurance_level=2))]


@router.post("", status_code=201)
async def create_order_ticket(
    tx: Tx, issuer: TheIssuer, request: Request, response: Response, caller: Payer, body: schemas.NewOrderTicket
) -> schemas.OrderTicket:
    """Create a ticket with which the residents' app opens an order of a mini-app, within two minutes.

    It says who the caller is to that mini-app alone, and opens nothing else.
    """
    response.headers["Cache-Control"] = "no-store"
    claims = access_tokens.read(issuer, presented_token(request)[1])
    if claims is None or not await tx.run_sync(access_tokens.is_in_force, claims):
        raise TokenInvalid
    return await service.issue(tx, issuer, caller, body.client_id)
