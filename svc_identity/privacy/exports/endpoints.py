from fastapi import APIRouter, Request, Response

from chassis.db import Tx
from chassis.idempotency import OnceKey
from kit.my_data import TICKET_RULE, MyData, PersonOfTicket
from svc_identity.oauth.endpoints import TheIssuer
from svc_identity.oauth.freshness import require_fresh
from svc_identity.people.persons.endpoints import Somebody
from svc_identity.privacy.exports import schemas, service

router = APIRouter(prefix="/identity/v1", tags=["my data"])


@router.post("/me/exports", status_code=201)
async def create_export(
    tx: Tx, caller: Somebody, issuer: TheIssuer, once: OnceKey, request: Request, response: Response
) -> schemas.ExportTicket:
    """Ask for one's data of all services in one file.

    The caller has signed in within the last ten minutes, else 401 `sign_in_too_old`. The answer names
    where the file is and has a ticket for it, good for five minutes.
    """
    await require_fresh(tx, issuer, request)
    response.headers["Cache-Control"] = "no-store"
    public_url: str = request.app.state.settings.public_url
    return await once.do(tx, caller, service.issue_ticket(tx, issuer.signer, caller, public_url))


@router.get("/my-data", dependencies=[TICKET_RULE])
async def get_my_data(tx: Tx, person_id: PersonOfTicket) -> MyData:
    """Get what svc_identity holds of the person of a ticket; the gateway puts it into the file."""
    return await service.my_data(tx, person_id)
