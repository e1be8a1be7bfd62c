from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_services.accounts.ordered_ends import schemas, service
from svc_services.accounts.ordered_ends.models import BindingEnd, BindingEndStatus
from svc_services.callers import AUDITOR, OPERATOR, Operator, in_reach
from svc_services.providers.applications.models import Provider

router = APIRouter(prefix="/services/v1/binding-ends", tags=["account bindings"])
Reader = Annotated[Caller, Depends(allow(scope="staff", role=(OPERATOR, AUDITOR)))]


@router.post("", status_code=201)
async def propose_binding_end(
    tx: Tx, caller: Operator, once: OnceKey, body: schemas.NewBindingEnd
) -> schemas.BindingEnd:
    """Propose that a binding ends.

    Another operator approves it.
    """
    return await once.do(tx, caller, service.propose(tx, caller, body))


@router.get("")
async def list_binding_ends(
    tx: ReadTx, caller: Reader, page: PageQuery, status: BindingEndStatus | None = None
) -> Page[schemas.BindingEnd]:
    """List proposed ends of bindings, newest first."""
    reach = select(Provider.id).where(in_reach(caller, Provider.division_codes))
    query = select(BindingEnd).where(BindingEnd.provider_id.in_(reach))
    if status:
        query = query.where(BindingEnd.status == status)
    return await page_of(tx, query, page, BindingEnd.id, service.shown, newest_first=True)


@router.post("/{binding_end_id}/approve")
async def approve_binding_end(tx: Tx, caller: Operator, once: OnceKey, binding_end_id: UUID) -> schemas.BindingEnd:
    """Approve another operator's proposal; the binding ends at once."""
    return await once.do(tx, caller, service.approve(tx, caller, binding_end_id))


@router.post("/{binding_end_id}/reject")
async def reject_binding_end(tx: Tx, caller: Operator, once: OnceKey, binding_end_id: UUID) -> schemas.BindingEnd:
    """Reject a proposal, or withdraw one's own."""
    return await once.do(tx, caller, service.reject(tx, caller, binding_end_id))
