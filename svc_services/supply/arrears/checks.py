"""The first look at the bills of a notice: it is shown to people, or refused with what the company can do."""

from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import database_time
from svc_services.supply.arrears.models import ArrearsAction, ArrearsNotice, ArrearsStatus, Explanation
from svc_services.supply.arrears.queries import of_earlier_holder
from svc_services.supply.arrears.steps import publish_opening, take_step


async def open_or_refuse(tx: AsyncSession, notice: ArrearsNotice, *, paid: bool) -> None:
    """Tell people of a notice, or refuse one that could lead nowhere. The notice is locked, and checked just now."""
    because = await _refusal(tx, notice, paid=paid)
    if because is None:
        await publish_opening(tx, notice)
        return
    moment = await database_time(tx)
    notice.move_to(ArrearsStatus.REFUSED)
    notice.closed_at = moment
    await take_step(tx, notice, ArrearsAction.REFUSE, because, by_company=False)


async def _refusal(tx: AsyncSession, notice: ArrearsNotice, *, paid: bool) -> Explanation | None:
    if not notice.outstanding_fen:
        if notice.unknown_bills == len(notice.bill_numbers):
            return Explanation.BILLS_UNKNOWN
        return Explanation.BILLS_PAID if paid else Explanation.NOTHING_DUE
    await tx.flush()
    return Explanation.EARLIER_HOLDER if await of_earlier_holder(tx, notice) else None
