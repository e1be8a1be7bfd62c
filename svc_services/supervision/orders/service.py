"""Supervision orders: issued and decided by an operator, answered by the provider or the clerk."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id, now
from chassis.outbox import emit
from chassis.problems import NotFound
from kit.approvals import SecondPersonNeeded
from kit.calendar import today
from kit.staff.reach import acting_in, divisions_of
from svc_services.calendar.days.queries import calendar_of
from svc_services.callers import OPERATOR
from svc_services.cases.applications.models import Application, CaseStatus
from svc_services.cases.assignments.rights import NotAClerkThere, is_clerk
from svc_services.providers.own_company.service import ADMIN
from svc_services.supervision import clocks
from svc_services.supervision.complaints.models import Complaint
from svc_services.supervision.orders import schemas
from svc_services.supervision.orders.events import SupervisionOrderMoved
from svc_services.supervision.orders.models import (
    Addressee,
    OrderAction,
    OrderStatus,
    SupervisionOrder,
    SupervisionOrderEntry,
)
from svc_services.supervision.orders.refusals import OrderNotYours, OrderOpenAlready, OrderWithoutProvider
from svc_services.supervision.readers import CLERK, visible

_FINISHED = (OrderStatus.ACCEPTED, OrderStatus.WITHDRAWN)
_DECISIONS = {
    OrderAction.ACCEPT: OrderStatus.ACCEPTED,
    OrderAction.RETURN: OrderStatus.RETURNED,
    OrderAction.WITHDRAW: OrderStatus.WITHDRAWN,
}


async def issue(tx: AsyncSession, caller: Caller, new: schemas.NewSupervisionOrder) -> schemas.SupervisionOrder:
    """Issue an order on a case or a complaint of one's divisions.

    Raises:
        NotFound, NotYourDivision, SecondPersonNeeded, NotAClerkThere, OrderOpenAlready, OrderWithoutProvider
    """
    # Its lock keeps a second order to the same addressee out.
    case = await _locked_subject(tx, new)
    acting_in(caller, [case.division_code], OPERATOR)
    if caller.id in {case.person_id, new.clerk_id}:
        raise SecondPersonNeeded
    if new.clerk_id and not await is_clerk(tx, new.clerk_id, case.division_code):
        raise NotAClerkThere
    if case.provider_id is None:
        raise OrderWithoutProvider
    await _require_first(tx, new)
    order = SupervisionOrder(
        id=new_id(),
        provider_id=case.provider_id,
        division_code=case.division_code,
        issued_by=caller.id,
        issued_at=now(),
        status=OrderStatus.OPEN,
        limit_days=new.reply_days,
        **new.model_dump(include={"application_id", "complaint_id", "addressee", "clerk_id"}),
    )
    clocks.begin(order, today(), await calendar_of(tx))
    tx.add(order)
    await tx.flush()
    return await _noted(tx, order, OrderAction.ISSUE, caller, new.matter)


async def reply(tx: AsyncSession, caller: Caller, order_id: UUID, words: str) -> schemas.SupervisionOrder:
    """Reply to an order that is addressed to one's company or to oneself."""
    order = await _visible(tx, caller, order_id, locked=True)
    if not await _is_addressee(tx, caller, order):
        raise OrderNotYours
    clocks.settle(order, today(), await calendar_of(tx))
    order.move_to(OrderStatus.REPLIED)
    clocks.wind(order, await calendar_of(tx))
    return await _noted(tx, order, OrderAction.REPLY, caller, words)


async def decide(
    tx: AsyncSession, caller: Caller, order_id: UUID, action: OrderAction, words: str | None
) -> schemas.SupervisionOrder:
    """Accept a reply, return it with a new term, or withdraw the order: its issuer, or an operator of the whole."""
    order = await _visible(tx, caller, order_id, locked=True)
    acting_in(caller, [order.division_code], OPERATOR)
    if caller.id == order.clerk_id:
        raise SecondPersonNeeded
    if caller.id != order.issued_by and divisions_of(caller, OPERATOR) is not None:
        raise OrderNotYours
    order.move_to(_DECISIONS[action])
    if action == OrderAction.RETURN:
        clocks.begin(order, today(), await calendar_of(tx))
    else:
        order.look_at = None
    return await _noted(tx, order, action, caller, words)


async def escalate(tx: AsyncSession, order: SupervisionOrder) -> None:
    """Keep that a reply is overdue."""
    await _note(tx, order, OrderAction.ESCALATE, None, None)


async def shown(tx: AsyncSession, caller: Caller, order_id: UUID) -> schemas.SupervisionOrder:
    return await _whole(tx, await _visible(tx, caller, order_id))


def summary(order: SupervisionOrder) -> schemas.SupervisionOrderSummary:
    names = set(schemas.SupervisionOrderSummary.model_fields) - {"order_id"}
    return schemas.SupervisionOrderSummary(order_id=order.id, **{name: getattr(order, name) for name in names})


async def _noted(
    tx: AsyncSession, order: SupervisionOrder, action: OrderAction, caller: Caller, words: str | None
) -> schemas.SupervisionOrder:
    await _note(tx, order, action, caller.id, words)
    return await _whole(tx, order)


async def _note(
    tx: AsyncSession, order: SupervisionOrder, action: OrderAction, actor_id: UUID | None, words: str | None
) -> None:
    last = select(func.max(SupervisionOrderEntry.position)).where(SupervisionOrderEntry.order_id == order.id)
    position = (await tx.scalar(last) or 0) + 1
    tx.add(SupervisionOrderEntry(order_id=order.id, position=position, action=action, actor_id=actor_id, words=words))
    await tx.flush()
    names = set(SupervisionOrderMoved.model_fields) - {"order_id", "action"}
    same = {name: getattr(order, name) for name in names}
    await emit(tx, SupervisionOrderMoved(order_id=order.id, action=action, **same))


async def _whole(tx: AsyncSession, order: SupervisionOrder) -> schemas.SupervisionOrder:
    entries = select(SupervisionOrderEntry).where(SupervisionOrderEntry.order_id == order.id)
    found = await tx.scalars(entries.order_by(SupervisionOrderEntry.position))
    shown = [schemas.SupervisionOrderEntry.model_validate(each, from_attributes=True) for each in found]
    return schemas.SupervisionOrder(**summary(order).model_dump(), entries=shown)


async def _visible(tx: AsyncSession, caller: Caller, order_id: UUID, *, locked: bool = False) -> SupervisionOrder:
    reached = visible(caller, SupervisionOrder.division_code, SupervisionOrder.provider_id)
    query = select(SupervisionOrder).where(SupervisionOrder.id == order_id, reached)
    order: SupervisionOrder | None = await tx.scalar(query.with_for_update() if locked else query)
    if order is None:
        raise NotFound
    return order


async def _locked_subject(tx: AsyncSession, new: schemas.NewSupervisionOrder) -> Application | Complaint:
    found: Application | Complaint | None
    if new.complaint_id:
        found = await tx.get(Complaint, new.complaint_id, with_for_update=True)
    else:
        found = await tx.get(Application, new.application_id, with_for_update=True)
    if found is None or found.status == CaseStatus.DRAFT:
        raise NotFound
    return found


async def _require_first(tx: AsyncSession, new: schemas.NewSupervisionOrder) -> None:
    same = exists().where(
        SupervisionOrder.application_id.is_not_distinct_from(new.application_id),
        SupervisionOrder.complaint_id.is_not_distinct_from(new.complaint_id),
        SupervisionOrder.addressee == new.addressee,
        SupervisionOrder.clerk_id.is_not_distinct_from(new.clerk_id),
        SupervisionOrder.status.not_in(_FINISHED),
    )
    if await tx.scalar(select(same)):
        raise OrderOpenAlready


async def _is_addressee(tx: AsyncSession, caller: Caller, order: SupervisionOrder) -> bool:
    if order.addressee == Addressee.CLERK:
        return caller.id == order.clerk_id and bool(caller.memberships_as(CLERK))
    # Staff of the division sees the order too, and who only reads for the company: its admins alone reply for it.
    company = replace(caller, memberships=tuple(caller.memberships_as(ADMIN)))
    reached = visible(company, SupervisionOrder.division_code, SupervisionOrder.provider_id)
    return bool(await tx.scalar(select(exists().where(SupervisionOrder.id == order.id, reached))))
