"""Tickets by which svc_payments learns who a resident is to one mini-app, when they open an order of it.

The key by which names are made for mini-apps stays here: one name leads to no other.
"""

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import NotFound
from kit.security_log import record_on_commit
from svc_identity.oauth.app_access.models import AppAccess
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.models import Client
from svc_identity.oauth.order_tickets import schemas
from svc_identity.oauth.security_log import TOKEN_ISSUED
from svc_identity.oauth.subjects import subject_for

TYPE, AUDIENCE, SECONDS = "order-ticket+jwt", "myili:orders", 120


async def issue(tx: AsyncSession, issuer: Issuer, caller: Caller, client_id: str) -> schemas.OrderTicket:
    """State the caller's openid at a mini-app that they have opened.

    Raises:
        NotFound: there is no such mini-app with a server, it is suspended, or the caller does not allow it anything.
    """
    client = await tx.get(Client, client_id)
    held = exists().where(
        AppAccess.person_id == caller.id, AppAccess.client_id == client_id, AppAccess.withdrawn_at.is_(None)
    )
    if client is None or not (client.is_mini_app_with_server and client.in_force and await tx.scalar(select(held))):
        raise NotFound
    openid = subject_for(issuer.subject_key, client, caller.id)
    ticket = issuer.signer.sign(TYPE, SECONDS, aud=AUDIENCE, sub=caller.subject, client_id=client_id, openid=openid)
    record_on_commit(tx, TOKEN_ISSUED, "order_ticket", person_id=caller.id, client_id=client_id)
    return schemas.OrderTicket(ticket=ticket, expires_in=SECONDS)
