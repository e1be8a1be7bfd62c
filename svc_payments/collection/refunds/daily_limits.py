"""How much one operator may refund on a day, by the clock of the database in Beijing time, whatever the payments.

The operator's row of the day is locked before it is read, so that parallel requests count one after the other. It comes
after payments and before the ledger in the order of locks.
"""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import Problem
from kit.calendar import today_of
from svc_payments.amounts import money
from svc_payments.collection.refunds.models import Refund, RefundOperatorDay
from svc_payments.settings import Settings


class RefundDayLimitReached(Problem):
    """The operator has proposed and approved as much as one person may on a day."""

    status, code = 409, "refund_day_limit_reached"


async def count(tx: AsyncSession, caller: Caller, refunds: Collection[Refund], settings: Settings) -> None:
    """Count refunds that an operator proposes or approves.

    Raises:
        RefundDayLimitReached
    """
    day = await _lock_day(tx, caller)
    day.refunds += len(refunds)
    day.amount_fen += _sum(refunds)
    if day.refunds > settings.refund_day_count or day.amount_fen > settings.refund_day_fen:
        raise RefundDayLimitReached(most=settings.refund_day_count, **money(limit=settings.refund_day_fen))


async def count_alone(tx: AsyncSession, caller: Caller, refunds: Collection[Refund], settings: Settings) -> bool:
    """Count refunds that an operator decides alone.

    Returns:
        Whether they may; otherwise nothing is counted, and a second operator has to decide.
    """
    day = await _lock_day(tx, caller)
    number, fen = day.alone_refunds + len(refunds), day.alone_fen + _sum(refunds)
    if number > settings.refund_day_alone_count or fen > settings.refund_day_alone_fen:
        return False
    day.alone_refunds, day.alone_fen = number, fen
    return True


async def _lock_day(tx: AsyncSession, caller: Caller) -> RefundOperatorDay:
    key = {"operator_id": caller.id, "day": await today_of(tx)}
    await tx.flush()
    await tx.execute(insert(RefundOperatorDay).values(key).on_conflict_do_nothing())
    query = select(RefundOperatorDay).filter_by(**key).with_for_update()
    return (await tx.scalars(query.execution_options(populate_existing=True))).one()


def _sum(refunds: Collection[Refund]) -> int:
    return sum(refund.amount_fen for refund in refunds)
