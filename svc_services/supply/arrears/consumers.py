"""What svc_payments says is due of the bills of a notice; correct for events in any order and repeated."""

from datetime import date
from uuid import UUID

from pydantic import AwareDatetime
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_services.supply.arrears import checks, disputes, service
from svc_services.supply.arrears.models import ArrearsNotice, ArrearsStatus


class ArrearsChanged(EventData):
    notice_id: UUID
    sequence: int
    outstanding_fen: int
    being_paid: bool
    unknown_bills: int
    overdue_since: date | None
    first_period: date | None = None
    paid_at: AwareDatetime | None = None
    check_id: UUID | None = None
    bill_ids: list[UUID] | None = None


async def _heed(tx: AsyncSession, event: Received[ArrearsChanged]) -> None:
    said = event.data
    notice = await tx.get(ArrearsNotice, said.notice_id, with_for_update=True, populate_existing=True)
    if notice is None or said.sequence <= notice.sequence:
        return
    for name in ("sequence", "outstanding_fen", "being_paid", "unknown_bills", "overdue_since", "first_period"):
        setattr(notice, name, getattr(said, name))
    if notice.checked_fen is None and notice.status == ArrearsStatus.OPEN:
        notice.checked_fen = said.outstanding_fen
        await checks.open_or_refuse(tx, notice, paid=said.paid_at is not None)
    if said.bill_ids is not None:
        await disputes.learn_bills(tx, notice, said.bill_ids)
    await service.heed(tx, notice, said.paid_at)
    if said.check_id and said.check_id == notice.cut_off_check:
        await service.decide_cut_off(tx, notice)


HANDLERS: tuple[AnyHandler, ...] = (Handler("cn.ili.payments.arrears.changed.v1", ArrearsChanged, _heed),)
