"""By what name a mini-app knows a person: svc_identity signs it, svc_miniapps keeps it with what the person agrees to.

The name is derived by a key that svc_identity alone has. The residents' app carries the ticket from one service to the
other; it names the person, so nobody can pass on a ticket of somebody else.
"""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from chassis.auth import TokenVerifier

TYPE, AUDIENCE = "openid-ticket+jwt", "myili:openid"
MINI_APP = "miniapp-"
"""Before the id of a mini-app, in the name of its client."""


class OpenidTicket(BaseModel):
    """The claims of a ticket."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sub: UUID
    openid: UUID
    of_client: Annotated[str, StringConstraints(pattern=rf"^{MINI_APP}[0-9a-f-]{{36}}$")]

    @property
    def app_id(self) -> UUID:
        return UUID(self.of_client.removeprefix(MINI_APP))


async def read_ticket(verifier: TokenVerifier, ticket: str) -> OpenidTicket:
    """The claims of a ticket of svc_identity.

    Raises:
        TokenInvalid, TokenExpired
    """
    return await verifier.verify_statement(ticket, OpenidTicket, typ=TYPE, audience=AUDIENCE)
