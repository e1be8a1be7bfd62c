"""What svc_services says of arrears notices; correct for events in any order and repeated."""

from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_payments.collection.arrears import service
from svc_payments.collection.arrears.models import Arrears

_FINAL = frozenset({"settled", "reconnecting", "reconnected", "withdrawn", "refused"})
"""From here on it makes no difference what is due."""


class ArrearsNoticeMoved(EventData):
    notice_id: UUID
    status: str
    provider_id: UUID
    account_number: str
    bill_numbers: list[str]


async def _follow(tx: AsyncSession, event: Received[ArrearsNoticeMoved]) -> None:
    said = event.data
    row = insert(Arrears).values(said.model_dump(exclude={"status"})).on_conflict_do_nothing()
    await tx.execute(row)
    if said.status in _FINAL:
        over = update(Arrears).where(Arrears.notice_id == said.notice_id, Arrears.closed_at.is_(None))
        await tx.execute(over.values(closed_at=func.now()))


class CutOffAsked(EventData):
    notice_id: UUID
    check_id: UUID


async def _answer(tx: AsyncSession, event: Received[CutOffAsked]) -> None:
    await service.answer(tx, event.data.notice_id, event.data.check_id)


HANDLERS: tuple[AnyHandler, ...] = (
    Handler("cn.ili.services.arrears_notice.moved.v1", ArrearsNoticeMoved, _follow),
    Handler("cn.ili.services.arrears_notice.cut_off_asked.v1", CutOffAsked, _answer),
)
