"""What time alone, or a corrected calendar, does to supervision orders and rectifications."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from kit.calendar import today
from kit.leases import claimable
from svc_services.calendar.days.queries import calendar_of
from svc_services.supervision import clocks
from svc_services.supervision.orders import service as orders
from svc_services.supervision.orders.models import OrderStatus, SupervisionOrder
from svc_services.supervision.rectifications import service as rectifications
from svc_services.supervision.rectifications.models import Rectification, RectificationStatus

_AT_ONCE = 50
Row = TypeVar("Row", SupervisionOrder, Rectification)


async def note_overdue(database: Database) -> None:
    """Escalate what is overdue, and compute the last days anew by a corrected calendar."""
    replies = SupervisionOrder.status.in_((OrderStatus.OPEN, OrderStatus.RETURNED))
    while await _note_some(database, SupervisionOrder, replies, orders.escalate):
        pass
    running = Rectification.status == RectificationStatus.OPEN
    while await _note_some(database, Rectification, running, rectifications.escalate):
        pass


async def _note_some(
    database: Database,
    rows: type[Row],
    running: ColumnElement[bool],
    escalate: Callable[[AsyncSession, Row], Awaitable[None]],
) -> bool:
    async with database.transaction() as tx:
        calendar = await calendar_of(tx)
        changed = or_(rows.look_at <= today(), rows.calendar_revision < calendar.revision)
        due = claimable(select(rows).where(running, changed), rows.id, limit=_AT_ONCE)
        found = (await tx.scalars(due)).all()
        for row in found:
            before = row.level
            clocks.settle(row, today(), calendar)
            clocks.wind(row, calendar)
            if row.level > before:
                await escalate(tx, row)
    return len(found) == _AT_ONCE
