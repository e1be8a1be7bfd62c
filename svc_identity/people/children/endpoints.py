from uuid import UUID

from fastapi import APIRouter

from chassis.db import Transactions, Tx
from chassis.idempotency import OnceKey
from svc_identity.people.agreements.endpoints import AcceptLanguage
from svc_identity.people.children import schemas, service
from svc_identity.people.families.endpoints import Proofed
from svc_identity.people.families.schemas import FamilyAccount
from svc_identity.people.proofing.models import Outcome
from svc_identity.people.proofing.provider import Registry
from svc_identity.people.proofing.service import record_outcome
from svc_identity.texts import choose_language

router = APIRouter(prefix="/identity/v1/me/children", tags=["families"])


@router.post("", status_code=201)
async def register_child(
    transactions: Transactions,
    caller: Proofed,
    once: OnceKey,
    registry: Registry,
    body: schemas.NewChild,
    accept_language: AcceptLanguage = "",
) -> FamilyAccount:
    """Register a child under eighteen, with the caller as guardian.

    The guardian's consent is recorded before name and ID number are compared with the population registry. The family
    account ends by itself on the eighteenth birthday, in China. A child that somebody else has registered, or that has
    an account of its own, opens a claim, which a service counter decides: 409 `child_registered` with `claim_number`.
    """
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
        attempt_id = await service.begin(tx, caller, body, choose_language("", accept_language))
    outcome = Outcome.UNAVAILABLE
    try:
        outcome = await registry.verify(body.name, body.id_number)
    finally:
        async with transactions.transaction() as tx:
            await record_outcome(tx, attempt_id, outcome)
    try:
        async with transactions.transaction() as tx:
            return await once.do(tx, caller, service.register(tx, caller.id, body, outcome))
    except service.RegisteredByOther:
        # In a transaction of its own, which the refusal does not roll back.
        async with transactions.transaction() as tx:
            refusal = await service.open_claim(tx, caller.id, body)
    raise refusal


@router.post("/{child_id}/guardians", status_code=201)
async def propose_guardian(
    tx: Tx, caller: Proofed, once: OnceKey, child_id: UUID, body: schemas.NewGuardian
) -> FamilyAccount:
    """Propose to another adult to be a guardian of the caller's child as well."""
    return await once.do(tx, caller, service.invite_guardian(tx, caller.id, child_id, body))
