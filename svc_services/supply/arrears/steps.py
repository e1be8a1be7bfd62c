"""Steps of a notice, each kept and told to whom it concerns; and who that is."""

from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit
from chassis.problems import Problem
from kit.calendar import database_time, today_of
from svc_services.accounts.bindings.models import AccountBinding
from svc_services.accounts.bindings.queries import in_force
from svc_services.supply.arrears.events import ArrearsNoticeMoved
from svc_services.supply.arrears.models import ArrearsAction, ArrearsNotice, ArrearsStep, Explanation
from svc_services.supply.arrears.queries import of_earlier_holder
from svc_services.supply.arrears.refusals import ArrearsBillsPaid, ArrearsBillsUnknown, ArrearsEarlierHolder, NothingDue
from svc_services.supply.rules import SupplyRule

_REFUSALS: Mapping[Explanation, type[Problem]] = {
    Explanation.NOTHING_DUE: NothingDue,
    Explanation.BILLS_PAID: ArrearsBillsPaid,
    Explanation.BILLS_UNKNOWN: ArrearsBillsUnknown,
    Explanation.EARLIER_HOLDER: ArrearsEarlierHolder,
}
_MOST_PEOPLE = 50
"""Far more than an owner may invite."""


async def take_step(
    tx: AsyncSession,
    notice: ArrearsNotice,
    action: ArrearsAction,
    explanation: Explanation | None = None,
    *,
    by_company: bool = True,
    **details: date,
) -> None:
    """Keep a step, and say it in an event. The notice is new or locked."""
    await tx.flush()
    last = await tx.scalar(select(func.max(ArrearsStep.position)).where(ArrearsStep.notice_id == notice.id))
    moment = await database_time(tx)
    step = ArrearsStep(
        notice_id=notice.id,
        position=(last or 0) + 1,
        action=action,
        by_company=by_company,
        explanation=explanation,
        details={name: value.isoformat() for name, value in details.items()},
        taken_at=moment,
    )
    tx.add(step)
    await tx.flush()
    await _publish(tx, notice, step)


async def publish_opening(tx: AsyncSession, notice: ArrearsNotice) -> None:
    """Tell people of a notice now that its bills are checked. The notice is locked."""
    await tx.flush()
    first = select(ArrearsStep).where(ArrearsStep.notice_id == notice.id, ArrearsStep.position == 1)
    if notice.checked_fen:
        await _publish(tx, notice, (await tx.scalars(first)).one())


async def refusal_of(tx: AsyncSession, notice: ArrearsNotice) -> Problem:
    """Why a notice was refused when its bills were checked."""
    last = select(ArrearsStep.explanation).where(
        ArrearsStep.notice_id == notice.id, ArrearsStep.action == ArrearsAction.REFUSE
    )
    return _REFUSALS[Explanation((await tx.scalars(last)).one() or Explanation.NOTHING_DUE)]()


async def _publish(tx: AsyncSession, notice: ArrearsNotice, step: ArrearsStep) -> None:
    same = ("status", "provider_id", "account_number", "bill_numbers", "deadline", "cut_off_on", "reconnect_by")
    moved = ArrearsNoticeMoved(
        notice_id=notice.id,
        position=step.position,
        action=step.action,
        explanation=step.explanation,
        person_ids=await _people(tx, notice),
        **{name: getattr(notice, name) for name in same},
    )
    await emit(tx, moved)


async def _people(tx: AsyncSession, notice: ArrearsNotice) -> list[UUID]:
    """Who sees the notice now: nobody before it is checked, or where an earlier holder owes it."""
    if not notice.checked_fen or await of_earlier_holder(tx, notice):
        return []
    query = select(AccountBinding.person_id).where(
        AccountBinding.provider_id == notice.provider_id,
        AccountBinding.account_number == notice.account_number,
        in_force(await today_of(tx)),
    )
    return list(await tx.scalars(query.order_by(AccountBinding.id).limit(_MOST_PEOPLE)))


def earliest_cut_off(notice: ArrearsNotice, rule: SupplyRule, today: date) -> date:
    """The first day for which a cut-off may be announced today."""
    days = [notice.deadline + timedelta(days=1), today + timedelta(days=rule.cut_off_notice_days)]
    if notice.overdue_since is not None:
        days.append(notice.overdue_since + timedelta(days=rule.overdue_days + 1))
    return max(days)
