"""A claim on the caller's own number, seen and refused."""

from fastapi import APIRouter

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from svc_identity.people.persons.endpoints import Somebody
from svc_identity.sign_in.number_claims import schemas, service

router = APIRouter(prefix="/identity/v1/me/number-claim", tags=["persons"])


@router.get("")
async def get_my_number_claim(tx: ReadTx, caller: Somebody) -> schemas.NumberClaim:
    """Get the claim that somebody who has the caller's number makes on it; 404 where there is none."""
    return await service.own(tx, caller.id)


@router.post("/refuse")
async def refuse_number_claim(tx: Tx, caller: Somebody, once: OnceKey) -> schemas.NumberClaim:
    """Refuse the claim and keep the number. Idempotent."""
    return await once.do(tx, caller, service.refuse(tx, caller.id))
