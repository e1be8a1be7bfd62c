from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.auth import Caller
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_identity.own_apps import allow_in_own_apps
from svc_identity.people.identity_claims import schemas, service
from svc_identity.people.identity_claims.models import IdentityClaim

router = APIRouter(prefix="/identity/v1/me/identity-claims", tags=["persons"])

Somebody = Annotated[Caller, Depends(allow_in_own_apps(scope="profile"))]


@router.get("")
async def list_my_identity_claims(tx: ReadTx, caller: Somebody, page: PageQuery) -> Page[schemas.IdentityClaim]:
    """List the caller's claims on ID numbers that other accounts were verified with."""
    own = select(IdentityClaim).where(IdentityClaim.claimant_id == caller.id)
    return await page_of(tx, own, page, IdentityClaim.id, schemas.IdentityClaim.of)


@router.post("/{claim_id}/withdraw")
async def withdraw_identity_claim(tx: Tx, caller: Somebody, once: OnceKey, claim_id: UUID) -> schemas.IdentityClaim:
    """Withdraw one's own claim."""
    return await once.do(tx, caller, _withdrawn(tx, caller, claim_id))


async def _withdrawn(tx: Tx, caller: Caller, claim_id: UUID) -> schemas.IdentityClaim:
    return schemas.IdentityClaim.of(await service.withdraw(tx, caller.id, claim_id))
