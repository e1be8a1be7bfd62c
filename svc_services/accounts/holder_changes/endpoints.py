from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, PageRequest, page_of
from svc_services.accounts.holder_changes import queries, schemas, service
from svc_services.accounts.holder_changes.models import HolderChange, HolderChangeStatus
from svc_services.callers import Operator

router = APIRouter(prefix="/services/v1", tags=["account bindings"])

Reporter = Annotated[Caller, Depends(allow(scope="accounts:write"))]
Reader = Annotated[Caller, Depends(allow(scope="staff", role=("operator", "auditor")))]
_OF_PROVIDER = "/providers/{provider_id}/holder-changes"


@router.post("/holder-changes", status_code=201)
async def report_holder_change(
    tx: Tx, caller: Reporter, once: OnceKey, body: schemas.NewHolderChange
) -> schemas.HolderChange:
    """Record that an account of the provider has a new holder, or none.

    The bindings of the former holder end on that day, with auto-pay and reminders. A repeated report of an account
    and a day has no effect.
    """
    return await once.do(tx, caller, service.report(tx, caller.id, body))


@router.get("/holder-changes")
async def list_own_holder_changes(
    tx: ReadTx, caller: Reporter, page: PageQuery, status: HolderChangeStatus | None = None
) -> Page[schemas.HolderChange]:
    """List the changes of the provider's accounts, newest first."""
    return await _listed(tx, caller.id, page, status)


@router.post("/holder-changes/{holder_change_id}/withdraw")
async def withdraw_holder_change(
    tx: Tx, caller: Reporter, once: OnceKey, holder_change_id: UUID
) -> schemas.HolderChange:
    """Withdraw a report before its day."""
    return await once.do(tx, caller, service.withdraw(tx, caller.id, holder_change_id))


@router.post(_OF_PROVIDER, status_code=201)
async def propose_holder_change(
    tx: Tx, caller: Operator, once: OnceKey, provider_id: UUID, body: schemas.ProposedHolderChange
) -> schemas.HolderChange:
    """Propose that an account of a provider changes hands.

    Another operator approves it.
    """
    return await once.do(tx, caller, service.propose(tx, caller, provider_id, body))


@router.get(_OF_PROVIDER)
async def list_holder_changes(
    tx: ReadTx, caller: Reader, page: PageQuery, provider_id: UUID, status: HolderChangeStatus | None = None
) -> Page[schemas.HolderChange]:
    """List the changes of a provider's accounts, newest first."""
    await queries.require_reach(tx, caller, provider_id)
    return await _listed(tx, provider_id, page, status)


@router.post(f"{_OF_PROVIDER}/{{holder_change_id}}/approve")
async def approve_holder_change(
    tx: Tx, caller: Operator, once: OnceKey, provider_id: UUID, holder_change_id: UUID
) -> schemas.HolderChange:
    """Approve another operator's proposal; it takes effect on its day, or at once if that has come."""
    return await once.do(tx, caller, service.approve(tx, caller, provider_id, holder_change_id))


@router.post(f"{_OF_PROVIDER}/{{holder_change_id}}/reject")
async def reject_holder_change(
    tx: Tx, caller: Operator, once: OnceKey, provider_id: UUID, holder_change_id: UUID
) -> schemas.HolderChange:
    """Reject a proposal, or withdraw one's own."""
    return await once.do(tx, caller, service.reject(tx, caller, provider_id, holder_change_id))


async def _listed(
    tx: ReadTx, provider_id: UUID, page: PageRequest, status: HolderChangeStatus | None
) -> Page[schemas.HolderChange]:
    query = select(HolderChange).where(HolderChange.provider_id == provider_id)
    if status:
        query = query.where(HolderChange.status == status)
    return await page_of(tx, query, page, HolderChange.id, service.shown, newest_first=True)
