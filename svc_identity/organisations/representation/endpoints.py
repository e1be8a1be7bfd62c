from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.auth import Caller
from chassis.db import ReadTx, Transactions
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_identity.organisations.provider import Registry
from svc_identity.organisations.representation import schemas, service
from svc_identity.organisations.representation.models import Outcome, RepresentedOrganisation
from svc_identity.own_apps import allow_in_own_apps

router = APIRouter(prefix="/identity/v1", tags=["organisations"])

Proofed = Annotated[Caller, Depends(allow_in_own_apps(scope="profile", assurance_level=2))]


@router.post("/me/organisations")
async def claim_organisation(
    transactions: Transactions, caller: Proofed, once: OnceKey, registry: Registry, body: schemas.OrganisationClaim
) -> schemas.RepresentedOrganisation:
    """Claim an organisation as its legal representative.

    The legal-entity registry compares the caller's own name and ID number with its representative and answers yes or
    no. Whoever represented it before, or applied in its name, does not stand in the way.
    """
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
        check_id, officer = await service.begin(tx, caller.id, body.uscc)
    outcome = Outcome.UNAVAILABLE
    try:
        outcome = await registry.represents(body.uscc, officer)
    finally:
        async with transactions.transaction() as tx:
            await service.record_outcome(tx, check_id, outcome)
    async with transactions.transaction() as tx:
        return await once.do(tx, caller, service.claim(tx, caller.id, body.uscc, outcome))


@router.get("/me/organisations")
async def list_own_organisations(tx: ReadTx, caller: Proofed, page: PageQuery) -> Page[schemas.RepresentedOrganisation]:
    """List the organisations that the caller represents."""
    own = select(RepresentedOrganisation).where(RepresentedOrganisation.representative_id == caller.id)
    return await page_of(tx, own, page, RepresentedOrganisation.id, schemas.RepresentedOrganisation.model_validate)
