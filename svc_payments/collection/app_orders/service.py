"""Orders of mini-apps: created by the app's server, opened and confirmed by the resident whom the openid names."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.problems import NotFound, Problem
from kit.calendar import database_time, today_of
from kit.client_access import ClientSuspended
from svc_payments.amounts import money
from svc_payments.billing.app_orders.models import AppOrder, OrderStatus
from svc_payments.billing.app_orders.standing import touch
from svc_payments.billing.bills.account_bills import Made
from svc_payments.billing.bills.models import BillKind
from svc_payments.billing.payees import service as payees
from svc_payments.billing.payees.models import Payee, PayeeApp, PayeeDay, PayeeStatus
from svc_payments.billing.terms import service as payment_terms
from svc_payments.collection.app_orders import presenters, schemas
from svc_payments.collection.app_orders.tickets import OrderTicket
from svc_payments.collection.payments import schemas as payment_schemas
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.allocation import Plan
from svc_payments.parties.mini_apps.queries import client_of, has_lost_access
from svc_payments.settings.channels import ChannelName


class OrderNumberUsed(Problem):
    """The app has used it for an order of other content."""

    status, code = 409, "order_number_used"


class PayeeNotAgreed(Problem):
    """The payee's organisation has not agreed that this app collects for it, or no longer does."""

    status, code = 403, "payee_not_agreed"


class PurposeNotAllowed(Problem):
    status, code = 422, "purpose_not_allowed"


class AboveOrderLimit(Problem):
    status, code = 422, "above_order_limit"


class PayeeDayLimitReached(Problem):
    status, code = 409, "payee_day_limit_reached"


class OrderChanged(Problem):
    """It is not what the resident was shown."""

    status, code = 409, "order_changed"


class OrderNotPayable(Problem):
    """It is closed or expired, or its app may not collect any more."""

    status, code = 409, "order_not_payable"


class OrderBeingPaid(Problem):
    status, code = 409, "order_being_paid"


class OrderAlreadyPaid(Problem):
    status, code = 409, "order_already_paid"


async def create(tx: AsyncSession, app_id: UUID, new: schemas.NewAppOrder) -> schemas.AppOrder:
    """Create an order; the same one again is the one that there is.

    Raises:
        NotFound: there is no such payee.
        ClientSuspended
        OrderNumberUsed: for an order of other content.
        PayeeNotApproved, PayeeNotAgreed, PurposeNotAllowed, AboveOrderLimit, PayeeDayLimitReached
    """
    payee = await payees.locked(tx, new.payee_id, read=True)
    if known := await _numbered(tx, app_id, new.order_number):
        return await _same(tx, known, new)
    await _require_collectable(tx, app_id, payee, new)
    row = new.model_dump(exclude={"expires_in_seconds", "description"}) | {
        "id": new_id(),
        "app_id": app_id,
        "description": new.description.model_dump(exclude_none=True),
        "status": OrderStatus.OPEN,
        "expires_at": await database_time(tx) + timedelta(seconds=new.expires_in_seconds),
    }
    inserting = insert(AppOrder).values(row).on_conflict_do_nothing(index_elements=["app_id", "order_number"])
    if await tx.scalar(inserting.returning(AppOrder.id)) is None:  # another request was faster
        known = await _numbered(tx, app_id, new.order_number)
        if known is None:
            raise OrderNumberUsed
        return await _same(tx, known, new)
    await _count(tx, payee, new.amount_fen)
    return await presenters.show(tx, await tx.get_one(AppOrder, row["id"]))


async def _numbered(tx: AsyncSession, app_id: UUID, number: str) -> AppOrder | None:
    found: AppOrder | None = await tx.scalar(select(AppOrder).filter_by(app_id=app_id, order_number=number))
    return found


async def _same(tx: AsyncSession, known: AppOrder, new: schemas.NewAppOrder) -> schemas.AppOrder:
    names = ("payee_id", "purpose", "openid", "amount_fen")
    same = all(getattr(known, name) == getattr(new, name) for name in names)
    if not same or known.description != new.description.model_dump(exclude_none=True):
        raise OrderNumberUsed
    return await presenters.show(tx, known)


async def _require_collectable(tx: AsyncSession, app_id: UUID, payee: Payee, new: schemas.NewAppOrder) -> None:
    if await tx.scalar(select(has_lost_access(client_of(app_id)))):
        raise ClientSuspended  # ahead of the copy by which its tokens are refused, a second later
    if not await _has_agreed(tx, payee.id, app_id):
        raise PayeeNotAgreed
    if payee.status != PayeeStatus.APPROVED:
        raise payees.PayeeNotApproved
    if new.purpose not in payee.purposes:
        raise PurposeNotAllowed(purposes=", ".join(payee.purposes))
    if new.amount_fen > payee.most_fen:
        raise AboveOrderLimit(**money(most=payee.most_fen))


async def _has_agreed(tx: AsyncSession, payee_id: UUID, app_id: UUID) -> bool:
    tie = exists().where(
        PayeeApp.payee_id == payee_id,
        PayeeApp.app_id == app_id,
        PayeeApp.agreed_at.is_not(None),
        PayeeApp.ended_at.is_(None),
    )
    return bool(await tx.scalar(select(tie)))


async def _count(tx: AsyncSession, payee: Payee, amount_fen: int) -> None:
    row = insert(PayeeDay).values(payee_id=payee.id, day=await today_of(tx), amount_fen=amount_fen)
    added = {"amount_fen": PayeeDay.amount_fen + row.excluded.amount_fen}
    counting = row.on_conflict_do_update(index_elements=["payee_id", "day"], set_=added)
    if int(await tx.scalar(counting.returning(PayeeDay.amount_fen)) or 0) > payee.day_most_fen:
        raise PayeeDayLimitReached(**money(limit=payee.day_most_fen))


async def own(tx: AsyncSession, app_id: UUID, order_id: UUID) -> AppOrder:
    """An order of this app.

    Raises:
        NotFound: there is none, or it is another app's; the answer does not say which.
    """
    order = await tx.get(AppOrder, order_id, populate_existing=True)
    if order is None or order.app_id != app_id:
        raise NotFound
    return order


async def open_order(tx: AsyncSession, order_id: UUID, ticket: OrderTicket) -> schemas.ResidentOrder:
    """Show an order to the resident whom its openid names; from then on it is known to be theirs.

    Raises:
        NotFound: there is none, or it is not for this person in this mini-app; the answer does not say which.
    """
    order = await tx.get(AppOrder, order_id, with_for_update=True, populate_existing=True)
    if order is None or (client_of(order.app_id), order.openid) != (ticket.client_id, ticket.openid):
        raise NotFound
    if order.person_id not in {None, ticket.sub}:
        raise NotFound
    order.person_id = ticket.sub
    await tx.flush()
    return await presenters.show_to_resident(tx, order)


async def opened(tx: AsyncSession, person_id: UUID, order_id: UUID, *, locked: bool = False) -> AppOrder:
    """An order that this person has opened.

    Raises:
        NotFound
    """
    order = await tx.get(AppOrder, order_id, with_for_update=locked or None, populate_existing=True)
    if order is None or order.person_id != person_id:
        raise NotFound
    return order


async def pay(
    tx: AsyncSession, person_id: UUID, order_id: UUID, confirmed: schemas.OrderConfirmation, lifetime: timedelta
) -> payment_schemas.Payment:
    """Begin the payment of an order as the resident was shown it.

    Raises:
        NotFound: it is not this person's.
        OrderAlreadyPaid, OrderBeingPaid, OrderNotPayable: it cannot be paid, or not now.
        OrderChanged
        ProviderSuspended, ChannelNotAccepted, OutsideChannelLimits: as every payment.
    """
    order = await opened(tx, person_id, order_id, locked=True)
    await _require_payable(tx, order)
    if (await presenters.show_to_resident(tx, order)).digest != confirmed.digest:
        raise OrderChanged
    ends = min(order.expires_at, await database_time(tx) + lifetime)
    payment = await payments.begin(tx, person_id, await _plan(tx, order), ChannelName(confirmed.channel), ends)
    order.move_to(OrderStatus.PAYING)
    order.payment_id = payment.id
    touch(order)
    await tx.flush()
    return payment_schemas.shown(payment)


async def _require_payable(tx: AsyncSession, order: AppOrder) -> None:
    match order.status:
        case OrderStatus.PAID | OrderStatus.REFUNDED:
            raise OrderAlreadyPaid
        case OrderStatus.PAYING:
            raise OrderBeingPaid(payment_id=str(order.payment_id))
        case OrderStatus.OPEN if order.expires_at > await database_time(tx):
            lost = await tx.scalar(select(has_lost_access(client_of(order.app_id))))
            if lost or not await _has_agreed(tx, order.payee_id, order.app_id):
                raise OrderNotPayable(order_status=OrderStatus.CLOSED)
        case _:
            raise OrderNotPayable(order_status=order.status)


async def _plan(tx: AsyncSession, order: AppOrder) -> Plan:
    day = await today_of(tx)
    terms = (await payment_terms.history(tx, order.payee_id)).on(day)
    made = Made(BillKind.APP_ORDER, order.payee_id, str(order.id), order.amount_fen, day)
    return Plan(order.payee_id, terms, [], made)
