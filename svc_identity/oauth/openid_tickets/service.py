"""Tickets by which the residents' app proves to svc_miniapps what name a mini-app has for the caller."""

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import NotFound
from kit.openid_tickets import AUDIENCE, TYPE
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.models import Client
from svc_identity.oauth.openid_tickets import schemas
from svc_identity.oauth.subjects import SubjectType, subject_for

SECONDS = 300


async def issue_ticket(tx: AsyncSession, issuer: Issuer, caller: Caller, client_id: str) -> schemas.OpenidTicket:
    """Sign the name that a mini-app has for the caller.

    Raises:
        NotFound: no such mini-app may be opened.
    """
    client = await tx.get(Client, client_id)
    if client is None or not client.in_force or client.subject_type != SubjectType.PAIRWISE:
        raise NotFound
    openid = subject_for(issuer.subject_key, client, caller.id)
    about = {"sub": str(caller.id), "openid": openid, "of_client": client.client_id}
    return schemas.OpenidTicket(
        ticket=issuer.signer.sign(TYPE, SECONDS, aud=AUDIENCE, **about),
        expires_in=SECONDS,
    )
