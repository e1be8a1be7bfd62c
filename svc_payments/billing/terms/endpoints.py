from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from kit.callers import ByKind
from kit.staff.reach import allow_of_whole
from svc_payments.billing.terms import schemas, service

router = APIRouter(prefix="/payments/v1", tags=["payment terms"])

Operator = Annotated[Caller, Depends(allow_of_whole(scope="staff", role="operator"))]
StaffOrProvider = Annotated[
    Caller,
    Depends(
        ByKind(person=allow_of_whole(scope="staff", role=("operator", "auditor")), client=allow(scope="bills:write"))
    ),
]
Version = Annotated[int, Path(ge=1, le=1_000_000)]


@router.get(
    "/providers/{provider_id}/payment-terms",
    dependencies=[Depends(ByKind(person=allow(scope="pay", persons=True), client=allow(scope="bills:write")))],
)
async def get_payment_terms(tx: ReadTx, provider_id: UUID) -> schemas.TermsInForce:
    """Get the payment terms of a provider today: late fees, parts, advances, channels, limits, top-ups."""
    return await service.show_in_force(tx, provider_id)


@router.get("/providers/{provider_id}/payment-terms/versions")
async def list_payment_terms(
    tx: ReadTx, caller: StaffOrProvider, page: PageQuery, provider_id: UUID
) -> Page[schemas.TermsVersion]:
    """List the versions of a provider's payment terms, newest first.

    Each names who proposed it, who approved it and the day from which it applies.
    """
    return await service.list_versions(tx, caller, provider_id, page)


@router.post("/providers/{provider_id}/payment-terms", status_code=201)
async def propose_payment_terms(
    tx: Tx, caller: Operator, once: OnceKey, provider_id: UUID, body: schemas.NewTerms
) -> schemas.TermsVersion:
    """Propose payment terms of a provider.

    They take effect once another operator approves them.
    """
    return await once.do(tx, caller, service.propose(tx, caller, provider_id, body))


@router.post("/providers/{provider_id}/payment-terms/versions/{version}/approve")
async def approve_payment_terms(
    tx: Tx, caller: Operator, once: OnceKey, provider_id: UUID, version: Version
) -> schemas.TermsVersion:
    """Approve payment terms that another operator proposed.

    They apply from the day they name or, if that is past, from today.
    """
    return await once.do(tx, caller, service.approve(tx, caller, provider_id, version))
