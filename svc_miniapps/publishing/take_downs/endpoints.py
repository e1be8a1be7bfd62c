from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from svc_miniapps.members import Operator, TeamMember
from svc_miniapps.publishing.take_downs import schemas, service
from svc_miniapps.publishing.take_downs.models import TakeDownStatus

router = APIRouter(prefix="/miniapps/v1", tags=["take-downs"])


@router.post("/apps/{app_id}/take-downs", status_code=201)
async def propose_take_down(
    tx: Tx, caller: Operator, once: OnceKey, app_id: UUID, body: schemas.NewTakeDown
) -> schemas.TakeDown:
    """Propose to take a mini-app from residents; an emergency takes effect at once.

    Another operator confirms it. An emergency lapses after a day without that.
    """
    return await once.do(tx, caller, service.propose(tx, caller, app_id, body))


@router.get("/take-downs")
async def list_take_downs(
    tx: ReadTx, caller: Operator, page: PageQuery, status: Annotated[TakeDownStatus | None, Query()] = None
) -> Page[schemas.TakeDown]:
    """List the take-downs in the caller's divisions, newest first."""
    return await service.list_take_downs(tx, caller, status, page)


@router.get("/apps/{app_id}/take-downs")
async def list_take_downs_of_app(
    tx: ReadTx, caller: TeamMember, page: PageQuery, app_id: UUID
) -> Page[schemas.TakeDown]:
    """List the take-downs of a mini-app of the caller's team, newest first."""
    return await service.take_downs_of(tx, caller, app_id, page)


@router.post("/take-downs/{take_down_id}/confirm")
async def confirm_take_down(tx: Tx, caller: Operator, once: OnceKey, take_down_id: UUID) -> schemas.TakeDown:
    """Confirm a take-down as the second operator: catalogues and tokens of the mini-app stop within seconds."""
    return await once.do(tx, caller, service.confirm(tx, caller, take_down_id))


@router.post("/take-downs/{take_down_id}/reject")
async def reject_take_down(tx: Tx, caller: Operator, once: OnceKey, take_down_id: UUID) -> schemas.TakeDown:
    """Reject a take-down as the second operator; an emergency ends."""
    return await once.do(tx, caller, service.reject(tx, caller, take_down_id))


@router.post("/take-downs/{take_down_id}/appeal")
async def appeal_take_down(
    tx: Tx, caller: TeamMember, once: OnceKey, take_down_id: UUID, body: schemas.Words
) -> schemas.TakeDown:
    """Submit the one appeal against a take-down of the team's mini-app."""
    return await once.do(tx, caller, service.appeal(tx, caller, take_down_id, body.reason))


@router.post("/take-downs/{take_down_id}/propose-restore")
async def propose_restoring_app(tx: Tx, caller: Operator, once: OnceKey, take_down_id: UUID) -> schemas.TakeDown:
    """Propose to give a mini-app back to residents."""
    return await once.do(tx, caller, service.propose_restore(tx, caller, take_down_id))


@router.post("/take-downs/{take_down_id}/restore")
async def restore_app(tx: Tx, caller: Operator, once: OnceKey, take_down_id: UUID) -> schemas.TakeDown:
    """Lift a take-down as another operator than the one who proposed it."""
    return await once.do(tx, caller, service.restore(tx, caller, take_down_id))


@router.post("/apps/{app_id}/withdraw")
async def withdraw_app(
    tx: Tx, caller: TeamMember, once: OnceKey, app_id: UUID, body: schemas.Words
) -> schemas.TakeDown:
    """Withdraw a mini-app of the caller's team from residents at once."""
    return await once.do(tx, caller, service.withdraw_app(tx, caller, app_id, body.reason))


@router.post("/apps/{app_id}/relist")
async def relist_app(tx: Tx, caller: TeamMember, once: OnceKey, app_id: UUID) -> schemas.TakeDown:
    """Show residents a mini-app again that the caller's team has withdrawn."""
    return await once.do(tx, caller, service.relist_app(tx, caller, app_id))
