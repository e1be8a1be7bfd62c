from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import select

from chassis.auth import Caller
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.callers import ByKind, acting_for_organisations
from kit.staff.reach import allow_of_whole
from svc_payments.billing.payees import schemas, service
from svc_payments.billing.payees.models import Payee, PayeeStatus

router = APIRouter(prefix="/payments/v1/payees", tags=["payees"])

_operators = allow_of_whole(scope="staff", role="operator")
_agents = acting_for_organisations("applications")
Operator = Annotated[Caller, Depends(_operators)]
Agent = Annotated[Caller, Depends(_agents)]
OperatorOrAgent = Annotated[Caller, Depends(ByKind(person=_operators, organisation=_agents))]
_STAFF = [Depends(allow_of_whole(scope="staff", role=("operator", "auditor")))]


@router.post("", status_code=201)
async def propose_payee(tx: Tx, caller: Operator, once: OnceKey, body: schemas.NewPayee) -> schemas.Payee:
    """Propose a public body or a registered institution for which mini-apps collect.

    It takes effect once another operator approves it.
    """
    return await once.do(tx, caller, service.propose(tx, caller, body))


@router.get("", dependencies=_STAFF)
async def list_payees(tx: ReadTx, page: PageQuery, status: PayeeStatus | None = None) -> Page[schemas.Payee]:
    """List payees, newest first."""
    query = select(Payee).where(Payee.status == status) if status else select(Payee)
    return await page_of(tx, query, page, Payee.id, schemas.shown, newest_first=True)


@router.post("/{payee_id}/approve")
async def approve_payee(tx: Tx, caller: Operator, once: OnceKey, payee_id: UUID) -> schemas.Payee:
    """Approve a payee that another operator proposed."""
    return await once.do(tx, caller, service.approve(tx, caller, payee_id))


@router.post("/{payee_id}/refuse")
async def refuse_payee(
    tx: Tx, caller: Operator, once: OnceKey, payee_id: UUID, body: schemas.PayeeStatement
) -> schemas.Payee:
    """Refuse a proposed payee."""
    return await once.do(tx, caller, service.refuse(tx, caller, payee_id, body.reason))


@router.post("/{payee_id}/suspend")
async def suspend_payee(
    tx: Tx, caller: Operator, once: OnceKey, payee_id: UUID, body: schemas.PayeeStatement
) -> schemas.Payee:
    """Suspend a payee at once.

    Its open orders close; refunds and settlements go on.
    """
    return await once.do(tx, caller, service.suspend(tx, caller, payee_id, body.reason))


@router.post("/{payee_id}/resume")
async def resume_payee(
    tx: Tx, caller: Operator, once: OnceKey, payee_id: UUID, body: schemas.PayeeStatement
) -> schemas.Payee:
    """Resume a payee that another operator suspended."""
    return await once.do(tx, caller, service.resume(tx, caller, payee_id, body.reason))


@router.post("/{payee_id}/apps", status_code=201)
async def propose_payee_app(
    tx: Tx, caller: Operator, once: OnceKey, payee_id: UUID, body: schemas.NewPayeeApp
) -> schemas.PayeeApp:
    """Propose that a mini-app collects for a payee.

    It may once an agent of the payee's organisation agrees.
    """
    return await once.do(tx, caller, service.propose_app(tx, caller, payee_id, body.app_id))


@router.get("/{payee_id}/apps", dependencies=_STAFF)
async def list_payee_apps(tx: ReadTx, page: PageQuery, payee_id: UUID) -> Page[schemas.PayeeApp]:
    """List the mini-apps that collect, or collected, for a payee."""
    return await service.list_apps(tx, payee_id, page)


@router.post("/{payee_id}/apps/{payee_app_id}/agree")
async def agree_to_payee_app(
    tx: Tx, caller: Agent, once: OnceKey, payee_id: UUID, payee_app_id: UUID
) -> schemas.PayeeApp:
    """Approve that a mini-app collects for the organisation for which the caller acts."""
    return await once.do(tx, caller, service.agree(tx, caller, payee_id, payee_app_id))


@router.post("/{payee_id}/apps/{payee_app_id}/end")
async def end_payee_app(
    tx: Tx, caller: OperatorOrAgent, once: OnceKey, payee_id: UUID, payee_app_id: UUID
) -> schemas.PayeeApp:
    """End what a mini-app collects for a payee, at once."""
    return await once.do(tx, caller, service.end_app(tx, caller, payee_id, payee_app_id))
