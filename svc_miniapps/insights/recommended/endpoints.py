from uuid import UUID

from fastapi import APIRouter

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_miniapps.insights.recommended import schemas, service
from svc_miniapps.members import Operator

router = APIRouter(prefix="/miniapps/v1/recommended-lists", tags=["recommended"])


@router.post("", status_code=201)
async def propose_recommended_list(
    tx: Tx, caller: Operator, once: OnceKey, body: schemas.NewRecommendedList
) -> schemas.RecommendedList:
    """Propose the mini-apps that a division recommends, in order; another operator puts the list in force."""
    return await once.do(tx, caller, service.propose(tx, caller, body))


@router.get("")
async def list_recommended_lists(tx: ReadTx, caller: Operator, page: PageQuery) -> Page[schemas.RecommendedList]:
    """List the recommended lists of the caller's divisions, newest first."""
    return await service.list_lists(tx, caller, page)


@router.post("/{list_id}/approve")
async def approve_recommended_list(tx: Tx, caller: Operator, once: OnceKey, list_id: UUID) -> schemas.RecommendedList:
    """Approve a recommended list as the second operator; it replaces the one before."""
    return await once.do(tx, caller, service.approve(tx, caller, list_id))


@router.post("/{list_id}/reject")
async def reject_recommended_list(tx: Tx, caller: Operator, once: OnceKey, list_id: UUID) -> schemas.RecommendedList:
    """Reject a recommended list as the second operator."""
    return await once.do(tx, caller, service.reject(tx, caller, list_id))


@router.post("/{list_id}/withdraw")
async def withdraw_recommended_list(tx: Tx, caller: Operator, once: OnceKey, list_id: UUID) -> schemas.RecommendedList:
    """Withdraw a recommended list that waits for the second operator."""
    return await once.do(tx, caller, service.withdraw(tx, caller, list_id))
