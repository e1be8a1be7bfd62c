from uuid import UUID

from fastapi import APIRouter

from chassis.db import Transactions, Tx
from chassis.idempotency import OnceKey
from svc_identity.organisations.claim_decisions.endpoints import Clerk, Supervisor
from svc_identity.organisations.family_orders import schemas, service
from svc_identity.organisations.role_changes.endpoints import CoolingOff
from svc_identity.people.proofing.models import Outcome
from svc_identity.people.proofing.provider import Registry
from svc_identity.people.proofing.service import record_outcome

router = APIRouter(prefix="/identity/v1/family-orders", tags=["families"])


@router.post("", status_code=201)
async def place_family_order(
    transactions: Transactions, caller: Clerk, once: OnceKey, registry: Registry, body: schemas.NewFamilyOrder
) -> schemas.FamilyOrder:
    """Place an order for a family account of somebody at the counter who has no smartphone.

    The clerk has seen the person, their document and the signed form. Name and ID number are compared with the
    population registry. Nothing changes until a supervisor of the same counter confirms it, within a day.
    """
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
        attempt_id = await service.begin(tx, caller, body)
    outcome = Outcome.UNAVAILABLE
    try:
        outcome = await registry.verify(body.name, body.id_number)
    finally:
        async with transactions.transaction() as tx:
            await record_outcome(tx, attempt_id, outcome)
    async with transactions.transaction() as tx:
        return await once.do(tx, caller, service.order(tx, caller, body, outcome))


@router.post("/{family_order_id}/confirm")
async def confirm_family_order(
    tx: Tx, caller: Supervisor, once: OnceKey, cooling_off: CoolingOff, family_order_id: UUID
) -> schemas.FamilyOrder:
    """Confirm an order: the family account is proposed to the helper, who accepts it in the app.

    The supervisor is another person than the clerk and has held the role for a day (`MYILI_COOLING_OFF_HOURS`). Neither
    is the person helped or the helper.
    """
    return await once.do(tx, caller, service.confirm(tx, caller, family_order_id, cooling_off=cooling_off))


@router.post("/{family_order_id}/refuse")
async def refuse_family_order(
    tx: Tx, caller: Supervisor, once: OnceKey, cooling_off: CoolingOff, family_order_id: UUID
) -> schemas.FamilyOrder:
    """Refuse an order; what it holds of the person is erased."""
    return await once.do(tx, caller, service.refuse(tx, caller, family_order_id, cooling_off=cooling_off))


@router.post("/{family_order_id}/withdraw")
async def withdraw_family_order(tx: Tx, caller: Clerk, once: OnceKey, family_order_id: UUID) -> schemas.FamilyOrder:
    """Withdraw the family account of an order at once, because the person at the counter wants it."""
    return await once.do(tx, caller, service.withdraw(tx, caller, family_order_id))
