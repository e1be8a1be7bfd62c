"""A company asks for arrears, announces a cut-off, reports it, and reports the reconnection."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.outbox import emit
from chassis.problems import NotFound
from kit.calendar import database_time, today_of
from svc_services.accounts.bindings.service import BadAccountNumber
from svc_services.base import lock
from svc_services.calendar.days.queries import calendar_of
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections.queries import locked_caller
from svc_services.supply.arrears import disputes, presenters, schemas
from svc_services.supply.arrears.events import CutOffAsked
from svc_services.supply.arrears.models import (
    OVER,
    ArrearsAction,
    ArrearsNotice,
    ArrearsStatus,
    Explanation,
)
from svc_services.supply.arrears.queries import of_earlier_holder
from svc_services.supply.arrears.refusals import (
    ArrearsBeingPaid,
    ArrearsDeadlineRefused,
    ArrearsDisputed,
    ArrearsHolderChanged,
    ArrearsNotChecked,
    ArrearsNoticeOpen,
    ArrearsNoticeOver,
    ArrearsTooLittle,
    CutOffDayOff,
    CutOffDayRefused,
    CutOffNotDue,
    DeadlineNotOver,
    NotCutOff,
    NothingDue,
    TooManyArrearsNotices,
)
from svc_services.supply.arrears.steps import earliest_cut_off, refusal_of, take_step
from svc_services.supply.rules import RULES

_FARTHEST = timedelta(days=180)
CUT_OFF_HOLDS = timedelta(days=7)
"""How long after the announced day a cut-off may be carried out; later it is announced anew."""

MOST_A_DAY = 3
"""Notices of one account in 24 hours: an error is corrected by another."""
_ANSWER_HOLDS = timedelta(minutes=10)
"""Later than that the company has given up, or supply would be cut off at an hour that nobody expects."""


async def open_notice(
    tx: AsyncSession, provider_id: UUID, new: schemas.NewArrearsNotice
) -> schemas.ReportedArrearsNotice:
    """Ask the holder of an account for what is due, by a day.

    Raises:
        NotAllowed, ClientSuspended, BadAccountNumber, ArrearsDeadlineRefused, ArrearsNoticeOpen
        TooManyArrearsNotices
    """
    provider = await locked_caller(tx, provider_id, read=True)
    if fault := provider.account_numbers.fault(new.account_number):
        raise BadAccountNumber(provider.account_numbers, reason=fault)
    earliest = await today_of(tx) + timedelta(days=RULES[provider.kind].payment_days)
    if not earliest <= new.deadline <= earliest + _FARTHEST:
        raise ArrearsDeadlineRefused(earliest=earliest.isoformat())
    moment = await database_time(tx)
    await lock(tx, "arrears of", provider_id, new.account_number)
    of_account = (ArrearsNotice.provider_id == provider_id, ArrearsNotice.account_number == new.account_number)
    if await tx.scalar(select(ArrearsNotice.id).where(*of_account, ArrearsNotice.status.not_in(OVER))):
        raise ArrearsNoticeOpen
    today_s = select(func.count()).where(*of_account, ArrearsNotice.opened_at > moment - timedelta(days=1))
    if (await tx.scalar(today_s) or 0) >= MOST_A_DAY:
        raise TooManyArrearsNotices(most=MOST_A_DAY)
    notice = ArrearsNotice(provider_id=provider_id, opened_at=moment, **new.model_dump())
    tx.add(notice)
    await tx.flush()
    await take_step(tx, notice, ArrearsAction.OPEN, deadline=new.deadline)
    return await presenters.reported(tx, provider, notice)


async def announce_cut_off(
    tx: AsyncSession, provider_id: UUID, notice_id: UUID, on: date
) -> schemas.ReportedArrearsNotice:
    """Announce from which day supply is cut off, or another day than before.

    Raises:
        NotAllowed, ClientSuspended, NotFound, ArrearsNoticeOver, NothingDue, ArrearsNotChecked, ArrearsHolderChanged
        ArrearsDisputed, ArrearsBillsPaid, ArrearsBillsUnknown, ArrearsEarlierHolder
        ArrearsTooLittle, DeadlineNotOver, CutOffDayRefused, CutOffDayOff
        IllegalMove: supply is cut off already.
    """
    provider, notice = await _own(tx, provider_id, notice_id)
    await _require_due(tx, notice)
    least = RULES[provider.kind].least_fen
    if (notice.outstanding_fen or 0) < least:
        raise ArrearsTooLittle(least=f"¥{least // 100}.{least % 100:02}")
    today = await today_of(tx)
    if today <= notice.deadline:
        raise DeadlineNotOver(deadline=notice.deadline.isoformat())
    earliest = earliest_cut_off(notice, RULES[provider.kind], today)
    if not earliest <= on <= earliest + _FARTHEST:
        raise CutOffDayRefused(earliest=earliest.isoformat())
    await _require_working_days(tx, on)
    notice.move_to(ArrearsStatus.CUT_OFF_ANNOUNCED)
    notice.cut_off_on, notice.cut_off_check = on, None
    await take_step(tx, notice, ArrearsAction.ANNOUNCE_CUT_OFF, cut_off_on=on)
    return await presenters.reported(tx, provider, notice)


async def report_cut_off(tx: AsyncSession, provider_id: UUID, notice_id: UUID) -> schemas.ReportedArrearsNotice:
    """Ask svc_payments whether supply may be cut off now. Who has paid, or is paying, is not cut off.

    Raises:
        NotAllowed, ClientSuspended, NotFound, ArrearsNoticeOver, NothingDue, ArrearsNotChecked, ArrearsHolderChanged
        ArrearsDisputed, ArrearsBillsPaid, ArrearsBillsUnknown, ArrearsEarlierHolder
        ArrearsBeingPaid, CutOffNotDue, CutOffDayOff
        IllegalMove: supply is cut off already.
    """
    provider, notice = await _own(tx, provider_id, notice_id)
    await _require_due(tx, notice)
    if notice.being_paid:
        raise ArrearsBeingPaid
    if notice.status == ArrearsStatus.CUT_OFF:
        notice.move_to(ArrearsStatus.CUT_OFF)  # refuses
    today = await today_of(tx)
    if notice.cut_off_on is None or not notice.cut_off_on <= today <= notice.cut_off_on + CUT_OFF_HOLDS:
        raise CutOffNotDue(cut_off_on=notice.cut_off_on.isoformat() if notice.cut_off_on else None)
    await _require_working_days(tx, today)
    notice.cut_off_check, notice.cut_off_asked_at = new_id(), await database_time(tx)
    await emit(tx, CutOffAsked(notice_id=notice.id, check_id=notice.cut_off_check))
    return await presenters.reported(tx, provider, notice)


async def decide_cut_off(tx: AsyncSession, notice: ArrearsNotice) -> None:
    """Cut off, if what svc_payments answers allows it. The notice is locked."""
    moment, asked_at = await database_time(tx), notice.cut_off_asked_at
    notice.cut_off_check = None
    late = asked_at is None or moment - asked_at > _ANSWER_HOLDS
    stopped = notice.disputed or notice.being_paid or not notice.outstanding_fen
    if late or stopped or await of_earlier_holder(tx, notice):
        return
    notice.move_to(ArrearsStatus.CUT_OFF)
    notice.cut_off_at = moment
    await take_step(tx, notice, ArrearsAction.CUT_OFF)


async def report_reconnection(tx: AsyncSession, provider_id: UUID, notice_id: UUID) -> schemas.ReportedArrearsNotice:
    """Record that supply is back.

    Raises:
        NotAllowed, ClientSuspended, NotFound, ArrearsNoticeOver, NotCutOff
    """
    provider, notice = await _own(tx, provider_id, notice_id)
    if notice.status == ArrearsStatus.CUT_OFF:
        await order_reconnection(tx, provider, notice, Explanation.BY_COMPANY, by_company=True)
    if notice.status != ArrearsStatus.RECONNECTING:
        raise NotCutOff
    moment = await database_time(tx)
    notice.move_to(ArrearsStatus.RECONNECTED)
    notice.reconnected_at = notice.closed_at = moment
    await take_step(tx, notice, ArrearsAction.RECONNECT)
    return await presenters.reported(tx, provider, notice)


async def withdraw(tx: AsyncSession, provider_id: UUID, notice_id: UUID) -> schemas.ReportedArrearsNotice:
    """Ask no longer. Where supply is cut off, it has to be restored.

    Raises:
        NotAllowed, ClientSuspended, NotFound, ArrearsNoticeOver
    """
    provider, notice = await _own(tx, provider_id, notice_id)
    if notice.status == ArrearsStatus.CUT_OFF:
        await order_reconnection(tx, provider, notice, Explanation.BY_COMPANY, by_company=True)
    elif notice.status != ArrearsStatus.RECONNECTING:
        moment = await database_time(tx)
        notice.move_to(ArrearsStatus.WITHDRAWN)
        notice.closed_at, notice.cut_off_check = moment, None
        await take_step(tx, notice, ArrearsAction.WITHDRAW)
    return await presenters.reported(tx, provider, notice)


async def order_reconnection(
    tx: AsyncSession, provider: Provider, notice: ArrearsNotice, because: Explanation, *, by_company: bool
) -> None:
    """Order the company to restore supply within the time of its kind. The notice is locked."""
    moment = await database_time(tx)
    notice.move_to(ArrearsStatus.RECONNECTING)
    notice.reconnect_by = moment + RULES[provider.kind].reconnection
    step = ArrearsAction.ORDER_RECONNECTION
    await take_step(tx, notice, step, because, by_company=by_company, reconnect_by=notice.reconnect_by)


async def heed(tx: AsyncSession, notice: ArrearsNotice, paid_at: datetime | None) -> None:
    """Take the step that follows from what svc_payments says is due. The notice is locked."""
    if notice.outstanding_fen or notice.status in OVER or notice.status == ArrearsStatus.RECONNECTING:
        return
    if notice.status == ArrearsStatus.CUT_OFF:
        provider = await tx.get_one(Provider, notice.provider_id)
        before = paid_at is not None and notice.cut_off_at is not None and paid_at <= notice.cut_off_at
        because = Explanation.PAID_BEFORE_CUT_OFF if before else Explanation.NOTHING_DUE
        await order_reconnection(tx, provider, notice, because, by_company=False)
        return
    moment = await database_time(tx)
    notice.move_to(ArrearsStatus.SETTLED)
    notice.closed_at, notice.cut_off_check = moment, None
    await take_step(tx, notice, ArrearsAction.SETTLE, Explanation.NOTHING_DUE, by_company=False)


async def own_notice(tx: AsyncSession, provider_id: UUID, notice_id: UUID) -> schemas.ReportedArrearsNotice:
    """A notice as its company sees it.

    Raises:
        NotFound
    """
    notice = await tx.get(ArrearsNotice, notice_id)
    if notice is None or notice.provider_id != provider_id:
        raise NotFound
    return await presenters.reported(tx, await tx.get_one(Provider, provider_id), notice)


async def _own(tx: AsyncSession, provider_id: UUID, notice_id: UUID) -> tuple[Provider, ArrearsNotice]:
    """The calling company and its notice, locked."""
    provider = await locked_caller(tx, provider_id, read=True)
    notice = await tx.get(ArrearsNotice, notice_id, with_for_update=True, populate_existing=True)
    if notice is None or notice.provider_id != provider_id:
        raise NotFound
    if notice.status == ArrearsStatus.SETTLED:
        raise NothingDue
    if notice.status == ArrearsStatus.REFUSED:
        raise await refusal_of(tx, notice)
    if notice.status in OVER:
        raise ArrearsNoticeOver
    return provider, notice


async def _require_working_days(tx: AsyncSession, day: date) -> None:
    calendar = await calendar_of(tx)
    first = day
    while not all(calendar.is_working_day(each) for each in (first, first + timedelta(days=1))):
        first += timedelta(days=1)
    if first != day:
        raise CutOffDayOff(earliest=first.isoformat())


async def _require_due(tx: AsyncSession, notice: ArrearsNotice) -> None:
    if notice.outstanding_fen is None:
        raise ArrearsNotChecked
    if notice.status == ArrearsStatus.RECONNECTING or not notice.outstanding_fen:
        raise NothingDue
    if await of_earlier_holder(tx, notice):
        raise ArrearsHolderChanged
    await disputes.look(tx, notice)
    if notice.disputed:
        raise ArrearsDisputed
