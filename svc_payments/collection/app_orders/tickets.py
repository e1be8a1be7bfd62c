"""svc_identity's statement of who a resident is to one mini-app.

By it an order finds its person, and this service learns no way from the openid of one app to that of another.
"""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.auth import Caller, TokenVerifier
from chassis.problems import Problem
from chassis.tokens import TokenExpired, TokenInvalid

TYPE, AUDIENCE = "order-ticket+jwt", "myili:orders"


class OrderTicketInvalid(Problem):
    """It proves nothing, or nothing any more, or is about another person."""

    status, code, security = 422, "order_ticket_invalid", TokenInvalid.security


class OrderTicket(BaseModel):
    """The claims of a verified ticket."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sub: UUID
    client_id: str
    openid: UUID


async def ticket_of(verifier: TokenVerifier, caller: Caller, token: str) -> OrderTicket:
    """The ticket of the caller.

    Raises:
        OrderTicketInvalid
    """
    try:
        ticket = await verifier.verify_statement(token, OrderTicket, typ=TYPE, audience=AUDIENCE)
    except (TokenExpired, TokenInvalid):
        raise OrderTicketInvalid from None
    if ticket.sub != caller.id:
        raise OrderTicketInvalid
    return ticket
