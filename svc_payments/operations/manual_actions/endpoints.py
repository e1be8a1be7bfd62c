from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.auth import Caller
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import NotFound
from kit.staff.reach import allow_of_whole
from svc_payments.operations.manual_actions import models, schemas, service

router = APIRouter(prefix="/payments/v1", tags=["manual actions"])

Operator = Annotated[Caller, Depends(allow_of_whole(scope="staff", role="operator"))]
Checker = Depends(allow_of_whole(scope="staff", role=("operator", "auditor")))


@router.post("/manual-actions", status_code=201)
async def propose_manual_action(
    tx: Tx, caller: Operator, once: OnceKey, body: schemas.NewManualAction
) -> schemas.ManualAction:
    """Propose a manual action.

    Nothing is done before another operator approves it.
    """
    return await once.do(tx, caller, service.propose(tx, caller, body))


@router.get("/manual-actions", dependencies=[Checker])
async def list_manual_actions(
    tx: ReadTx, page: PageQuery, status: models.ActionStatus | None = None
) -> Page[schemas.ManualAction]:
    """List manual actions and their outcomes, newest first."""
    query = select(models.ManualAction)
    if status:
        query = query.where(models.ManualAction.status == status)
    return await page_of(tx, query, page, models.ManualAction.id, service.shown, newest_first=True)


@router.get("/manual-actions/{manual_action_id}", dependencies=[Checker])
async def get_manual_action(tx: ReadTx, manual_action_id: UUID) -> schemas.ManualAction:
    """Get a manual action."""
    action = await tx.get(models.ManualAction, manual_action_id)
    if action is None:
        raise NotFound
    return service.shown(action)


@router.post("/manual-actions/{manual_action_id}/approve")
async def approve_manual_action(
    tx: Tx, caller: Operator, once: OnceKey, manual_action_id: UUID
) -> schemas.ManualAction:
    """Approve a manual action that another operator proposed, and execute it at once."""
    return await once.do(tx, caller, service.approve(tx, caller, manual_action_id))


@router.post("/manual-actions/{manual_action_id}/reject")
async def reject_manual_action(
    tx: Tx, caller: Operator, once: OnceKey, manual_action_id: UUID, body: schemas.ManualActionRejection
) -> schemas.ManualAction:
    """Reject a proposed manual action, or withdraw one's own."""
    return await once.do(tx, caller, service.reject(tx, caller, manual_action_id, body.reason))
