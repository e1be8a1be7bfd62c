"""What mandates do with bills: announce them, order their deduction on the day and record the result.

Each step is one transaction that locks the mandate, so that cancelling and deducting cannot overlap. An ordered
deduction is a payment like any other.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.db import CHINA, new_id
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from kit.calendar import database_time, today_of
from kit.invariants import InvariantBrokenError
from kit.leases import claimable
from svc_payments.billing.bills.accruals import accrued_late_fee
from svc_payments.billing.bills.models import Bill, BillKind, BillStatus
from svc_payments.billing.bills.queries import visible_to
from svc_payments.billing.bills.service import BillAlreadyPaid, BillNotPayable, PaymentInProgress
from svc_payments.billing.terms import service as payment_terms
from svc_payments.collection.mandates import service
from svc_payments.collection.mandates.events import (
    DebitAnnounced,
    DebitFailed,
    DebitOrdered,
    DebitOverLimit,
    DebitPaid,
    DebitPostponed,
    event_of,
)
from svc_payments.collection.mandates.models import COUNTED, Debit, DebitStatus, EndReason, Mandate, MandateStatus
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.models import AT_CHANNEL, GIVEN_UP, Payment, PaymentStatus
from svc_payments.collection.payments.schemas import NewPayment
from svc_payments.parties.accounts.queries import is_bound
from svc_payments.parties.providers.service import ProviderSuspended
from svc_payments.settings import Settings

OPENING = time(9)
"""When a day's deductions begin, in China: not while people sleep."""
_BUSY = timedelta(minutes=30)
_PASSING = {"insufficient_funds", "not_deducted"}
"""Refusals that another day may change."""


@dataclass(frozen=True)
class Ordered:
    """A payment that is committed and has to be ordered at its channel."""

    person_id: UUID
    payment_id: UUID


async def announce_one(tx: AsyncSession, settings: Settings) -> bool:
    """Announce the bills due soon under the next mandate to look at. Returns whether there was one."""
    turn = select(Mandate).where(Mandate.status == MandateStatus.ACTIVE, Mandate.look_at <= func.now())
    mandate = await tx.scalar(claimable(turn, Mandate.look_at, limit=1))
    if mandate is None:
        return False
    moment = await database_time(tx)
    mandate.look_at = moment + timedelta(seconds=settings.look_seconds)
    if not await _still_bound(tx, mandate):
        await service.end(tx, mandate, EndReason.BINDING_ENDED)
        return True
    today = moment.astimezone(CHINA).date()
    for bill, debit in await _due_soon(tx, mandate, today):
        if debit is None or await _has_changed(tx, debit, bill):
            await _announce(tx, mandate, debit, bill, today)
    return True


async def order_one(tx: AsyncSession, settings: Settings) -> Ordered | bool:
    """Begin the payment of the next deduction that is due.

    Returns:
        The payment to bring to its channel; otherwise whether a deduction was due.
    """
    moment = await database_time(tx)
    turn = (
        select(Debit, Mandate)
        .join(Mandate, Mandate.id == Debit.mandate_id)
        .where(Debit.status == DebitStatus.ANNOUNCED, Debit.try_at <= moment, Mandate.status == MandateStatus.ACTIVE)
    )
    found = (await tx.execute(claimable(turn, Debit.try_at, limit=1))).one_or_none()
    if found is None:
        return False
    debit, mandate = found
    if not await _still_bound(tx, mandate):
        await service.end(tx, mandate, EndReason.BINDING_ENDED)
        return True
    try:
        async with tx.begin_nested():
            return await _order(tx, mandate, debit, settings)
    except (PaymentInProgress, ProviderSuspended):
        # It is being paid by hand, or its provider is suspended; the bill stays announced.
        debit.try_at = moment + _BUSY
    except (BillAlreadyPaid, BillNotPayable, NotFound):
        debit.move_to(DebitStatus.UNNEEDED)
    except payments.BillAmountChanged:
        bill = (await tx.scalars(select(Bill).where(Bill.id == debit.bill_id))).one()
        await _announce(tx, mandate, debit, bill, moment.astimezone(CHINA).date())
    except Problem as refused:
        # The provider's terms, perhaps, no longer let it be paid this way.
        await _fail(tx, mandate, debit, refused.code)
    return True


async def settle_one(tx: AsyncSession, settings: Settings) -> bool:
    """Settle the next deduction whose payment has ended. Returns whether there was one."""
    ended = (
        select(Debit, Mandate, Payment)
        .join(Mandate, Mandate.id == Debit.mandate_id)
        .join(Payment, Payment.id == Debit.payment_id)
        .where(Debit.status == DebitStatus.ORDERED, Payment.status.not_in({PaymentStatus.CREATED, *AT_CHANNEL}))
    )
    found = (await tx.execute(claimable(ended, limit=1, of=(Debit, Mandate)))).one_or_none()
    if found is None:
        return False
    debit, mandate, payment = found
    if payment.status not in GIVEN_UP:
        debit.move_to(DebitStatus.PAID)
        await emit(tx, event_of(DebitPaid, mandate, debit))
        return True
    refusal = (payment.attempt.refusal if payment.attempt else None) or "not_deducted"
    if refusal == "contract_not_signed" and mandate.status in {MandateStatus.ACTIVE, MandateStatus.SUSPENDED}:
        await service.contract_ended(tx, mandate)
    if refusal in _PASSING and debit.tries < settings.deduct_again_days and mandate.status == MandateStatus.ACTIVE:
        await _postpone(tx, mandate, debit, refusal)
    else:
        await _fail(tx, mandate, debit, refusal)
    return True


async def _owed_on(tx: AsyncSession, bill: Bill, day: date) -> int:
    """What a bill will come to on a day, with the late fee that it will have grown by then."""
    history = await payment_terms.history(tx, bill.provider_id)
    return bill.outstanding_fen + accrued_late_fee(bill, history, day)


async def _still_bound(tx: AsyncSession, mandate: Mandate) -> bool:
    return await is_bound(tx, mandate.person_id, mandate.provider_id, mandate.account_number, service.ROLES)


async def _due_soon(tx: AsyncSession, mandate: Mandate, today: date) -> list[tuple[Bill, Debit | None]]:
    """The due bills within the notice, with what is known of them here: nothing, or something that may change.

    Bills that were due before the mandate began are left out: it is for those to come.
    """
    if mandate.activated_at is None:
        raise InvariantBrokenError("an active mandate has no time of activation")
    elsewhere = aliased(Debit)
    open_elsewhere = exists().where(
        elsewhere.bill_id == Bill.id,
        elsewhere.mandate_id != mandate.id,
        elsewhere.status.in_({DebitStatus.ANNOUNCED, DebitStatus.ORDERED}),
    )
    changeable = {DebitStatus.ANNOUNCED, DebitStatus.OVER_LIMIT, DebitStatus.WITHDRAWN}
    due_soon = (
        select(Bill, Debit)
        .outerjoin(Debit, (Debit.bill_id == Bill.id) & (Debit.mandate_id == mandate.id))
        .where(
            Bill.provider_id == mandate.provider_id,
            Bill.account_number == mandate.account_number,
            Bill.status == BillStatus.DUE,
            Bill.kind == BillKind.REGULAR,
            visible_to(mandate.person_id),
            Bill.due_date >= mandate.activated_at.astimezone(CHINA).date(),
            Bill.due_date <= today + timedelta(days=mandate.notice_days),
            or_(Debit.id.is_(None), Debit.status.in_(changeable)),
            ~open_elsewhere,
        )
        .order_by(Bill.due_date, Bill.id)
    )
    return [(row[0], row[1]) for row in await tx.execute(due_soon)]


async def _has_changed(tx: AsyncSession, debit: Debit, bill: Bill) -> bool:
    """Whether the bill differs from the announcement."""
    return debit.status == DebitStatus.WITHDRAWN or debit.amount_fen != await _owed_on(tx, bill, debit.debit_on)


async def _announce(tx: AsyncSession, mandate: Mandate, debit: Debit | None, bill: Bill, today: date) -> None:
    """Tell the person what will be deducted and when, or that it will not be."""
    day = max(bill.due_date, today + timedelta(days=mandate.notice_days))
    amount_fen = await _owed_on(tx, bill, day)
    if debit is None:
        debit = Debit(id=new_id(), mandate_id=mandate.id, bill_id=bill.id, status=DebitStatus.ANNOUNCED, tries=0)
    debit.amount_fen, debit.debit_on, debit.try_at = amount_fen, day, _opening(day)
    tx.add(debit)
    if not await _refuse_above_limit(tx, mandate, debit):
        debit.move_to(DebitStatus.ANNOUNCED)
        debit.reason = None
        await tx.flush()
        await emit(tx, event_of(DebitAnnounced, mandate, debit))


async def _refuse_above_limit(tx: AsyncSession, mandate: Mandate, debit: Debit) -> bool:
    reason = await _above_limit(tx, mandate, debit)
    if reason is None:
        return False
    debit.move_to(DebitStatus.OVER_LIMIT)
    debit.reason = reason
    await tx.flush()
    await emit(tx, event_of(DebitOverLimit, mandate, debit))
    return True


async def _above_limit(tx: AsyncSession, mandate: Mandate, debit: Debit) -> str | None:
    """Which limit a debit would break. The mandate is locked, so that two debits cannot use up one rest."""
    if debit.amount_fen > mandate.limit_fen:
        return "above_limit"
    if mandate.monthly_limit_fen is None:
        return None
    first = debit.debit_on.replace(day=1)
    next_month = (first + timedelta(days=31)).replace(day=1)
    others = select(func.coalesce(func.sum(Debit.amount_fen), 0)).where(
        Debit.mandate_id == mandate.id,
        Debit.id != debit.id,
        Debit.status.in_(COUNTED),
        Debit.debit_on >= first,
        Debit.debit_on < next_month,
    )
    used_fen = int((await tx.scalars(others)).one())
    return "above_monthly_limit" if used_fen + debit.amount_fen > mandate.monthly_limit_fen else None


async def _order(tx: AsyncSession, mandate: Mandate, debit: Debit, settings: Settings) -> Ordered:
    wanted = NewPayment(bill_ids={debit.bill_id}, channel=mandate.channel, expected_amount_fen=debit.amount_fen)
    begun = await payments.create_payment(tx, mandate.person_id, wanted, settings.order_lifetime)
    ask = timedelta(seconds=settings.ask_again_seconds[0])
    payment = await payments.confirm(tx, mandate.person_id, begun.payment_id, settings.order_lifetime, ask)
    if payment.attempt is None:
        raise InvariantBrokenError("a confirmed payment has no order")
    payment.attempt.contract_number = mandate.contract_number
    debit.payment_id = payment.id
    debit.move_to(DebitStatus.ORDERED)
    await tx.flush()
    await emit(tx, event_of(DebitOrdered, mandate, debit))
    return Ordered(mandate.person_id, payment.id)


async def _postpone(tx: AsyncSession, mandate: Mandate, debit: Debit, refusal: str) -> None:
    day = await today_of(tx) + timedelta(days=1)
    bill = (await tx.scalars(select(Bill).where(Bill.id == debit.bill_id))).one()
    debit.amount_fen = await _owed_on(tx, bill, day) or debit.amount_fen
    debit.debit_on, debit.try_at = day, _opening(day)
    debit.tries += 1
    if not await _refuse_above_limit(tx, mandate, debit):
        debit.move_to(DebitStatus.ANNOUNCED)
        debit.reason = refusal
        await emit(tx, event_of(DebitPostponed, mandate, debit))


async def _fail(tx: AsyncSession, mandate: Mandate, debit: Debit, reason: str) -> None:
    debit.move_to(DebitStatus.FAILED)
    debit.reason = reason
    await emit(tx, event_of(DebitFailed, mandate, debit))


def _opening(day: date) -> datetime:
    return datetime.combine(day, OPENING, CHINA)
