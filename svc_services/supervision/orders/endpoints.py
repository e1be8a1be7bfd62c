from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_services.callers import Operator
from svc_services.supervision.orders import schemas, service
from svc_services.supervision.orders.models import OrderAction, OrderStatus, SupervisionOrder
from svc_services.supervision.readers import Rated, Reader, visible

router = APIRouter(prefix="/services/v1/supervision-orders", tags=["supervision"])


@router.post("", status_code=201)
async def issue_supervision_order(
    tx: Tx, caller: Operator, once: OnceKey, body: schemas.NewSupervisionOrder
) -> schemas.SupervisionOrder:
    """Issue a supervision order on a case or a complaint of one's divisions, to its provider or to a clerk."""
    return await once.do(tx, caller, service.issue(tx, caller, body))


@router.get("")
async def list_supervision_orders(
    tx: ReadTx,
    caller: Reader,
    page: PageQuery,
    status: OrderStatus | None = None,
    application_id: UUID | None = None,
    complaint_id: UUID | None = None,
    *,
    overdue: bool = False,
) -> Page[schemas.SupervisionOrderSummary]:
    """List the supervision orders of one's divisions or of one's company, newest first."""
    query = select(SupervisionOrder).where(
        visible(caller, SupervisionOrder.division_code, SupervisionOrder.provider_id)
    )
    if status:
        query = query.where(SupervisionOrder.status == status)
    if application_id:
        query = query.where(SupervisionOrder.application_id == application_id)
    if complaint_id:
        query = query.where(SupervisionOrder.complaint_id == complaint_id)
    if overdue:
        query = query.where(SupervisionOrder.level > 0)
    return await page_of(tx, query, page, SupervisionOrder.id, service.summary, newest_first=True)


@router.get("/{order_id}")
async def get_supervision_order(tx: ReadTx, caller: Reader, order_id: UUID) -> schemas.SupervisionOrder:
    """Get a supervision order with each reply and decision."""
    return await service.shown(tx, caller, order_id)


@router.post("/{order_id}/reply")
async def reply_to_supervision_order(
    tx: Tx, caller: Rated, once: OnceKey, order_id: UUID, body: schemas.OrderWords
) -> schemas.SupervisionOrder:
    """Send the reply to a supervision order: people of the provider, or the clerk that it names."""
    return await once.do(tx, caller, service.reply(tx, caller, order_id, body.words))


@router.post("/{order_id}/accept")
async def accept_supervision_reply(tx: Tx, caller: Operator, once: OnceKey, order_id: UUID) -> schemas.SupervisionOrder:
    """Accept the reply to one's order, or as an operator of the prefecture to any."""
    return await once.do(tx, caller, service.decide(tx, caller, order_id, OrderAction.ACCEPT, None))


@router.post("/{order_id}/return")
async def return_supervision_reply(
    tx: Tx, caller: Operator, once: OnceKey, order_id: UUID, body: schemas.OrderWords
) -> schemas.SupervisionOrder:
    """Refuse the reply to one's order as not enough; the working days for another one begin anew.

    An operator of the prefecture refuses the reply to any.
    """
    return await once.do(tx, caller, service.decide(tx, caller, order_id, OrderAction.RETURN, body.words))


@router.post("/{order_id}/withdraw")
async def withdraw_supervision_order(
    tx: Tx, caller: Operator, once: OnceKey, order_id: UUID, body: schemas.OrderWords
) -> schemas.SupervisionOrder:
    """Withdraw one's order, or as an operator of the prefecture any, with the reason."""
    return await once.do(tx, caller, service.decide(tx, caller, order_id, OrderAction.WITHDRAW, body.words))
