from collections.abc import Awaitable
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from chassis.auth import Caller, allow
from chassis.db import Tx
from chassis.idempotency import OnceKey
from kit.fields.divisions import WHOLE
from kit.staff.reach import acting_in
from svc_identity.organisations.claim_decisions import queries, schemas, service
from svc_identity.organisations.lost_identities.service import SignInsEnd
from svc_identity.organisations.models import CounterRole, Role
from svc_identity.organisations.role_changes.endpoints import CoolingOff

router = APIRouter(prefix="/identity/v1/identity-claims", tags=["organisations"])

Clerk = Annotated[Caller, Depends(allow(scope="staff", role=CounterRole.CLERK))]
Supervisor = Annotated[Caller, Depends(allow(scope="staff", role=CounterRole.TILL_SUPERVISOR))]
READERS = (CounterRole.CLERK, CounterRole.TILL_SUPERVISOR, Role.AUDITOR)
Reader = Annotated[Caller, Depends(allow(scope="staff", role=READERS))]
Number = Annotated[str, Path(pattern="^[0-9]{8}$")]


@router.get("/{number}")
async def get_identity_claim(tx: Tx, caller: Reader, number: Number) -> schemas.IdentityClaimAtCounter:
    """Get a claim on an ID number, by the number its claimant names.

    All personal data is masked. Each read is logged.
    """
    if not caller.memberships_as(CounterRole.CLERK, CounterRole.TILL_SUPERVISOR):
        acting_in(caller, [WHOLE], Role.AUDITOR)
    return await queries.shown(tx, number, reader=caller.subject)


@router.post("/{number}/review")
async def review_identity_claim(
    tx: Tx, caller: Clerk, once: OnceKey, number: Number, body: schemas.ClaimReview
) -> schemas.IdentityClaimAtCounter:
    """Record a verdict on a claim after looking at the claimant and the document.

    Nothing changes until a supervisor of the same counter confirms it.
    """
    return await once.do(tx, caller, _answer(tx, caller, number, service.review(tx, caller, number, body)))


@router.post("/{number}/return")
async def return_identity_claim(
    tx: Tx, caller: Supervisor, once: OnceKey, number: Number, body: schemas.ClaimReturn
) -> schemas.IdentityClaimAtCounter:
    """Send a claim back to the clerks instead of confirming the verdict."""
    return await once.do(tx, caller, _answer(tx, caller, number, service.send_back(tx, caller, number, body)))


@router.post("/{number}/confirm")
async def confirm_identity_claim(
    tx: Tx, caller: Supervisor, once: OnceKey, number: Number, cooling_off: CoolingOff, end_sign_ins: SignInsEnd
) -> schemas.IdentityClaimAtCounter:
    """Confirm a clerk's verdict.

    Upheld, the claimant has the ID number at level 2 and the account that had it is back at level 1: its roles,
    mandates, family accounts, representation and sign-ins end. The supervisor is another person than the clerk and has
    held the role for a day (`MYILI_COOLING_OFF_HOURS`).
    """
    confirmed = service.confirm(tx, caller, number, cooling_off=cooling_off, end_sign_ins=end_sign_ins)
    return await once.do(tx, caller, _answer(tx, caller, number, confirmed))


async def _answer(tx: Tx, caller: Caller, number: str, step: Awaitable[None]) -> schemas.IdentityClaimAtCounter:
    await step
    return await queries.shown(tx, number, reader=caller.subject)
