"""What time alone, or a corrected calendar, does to complaints."""

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from kit.calendar import Calendar, today
from kit.leases import claimable
from svc_services.calendar.days.queries import calendar_of
from svc_services.supervision import clocks
from svc_services.supervision.complaints import clock, steps
from svc_services.supervision.complaints.models import (
    RUNNING,
    Complaint,
    ComplaintAction,
    ComplaintActor,
    ComplaintStatus,
)

_AT_ONCE = 50


async def note_late(database: Database) -> None:
    """Flag and raise what is late, and compute the last days anew by a corrected calendar."""
    while await _note_some(database):
        pass


async def close_unanswered(database: Database) -> None:
    """Close the complaints whose complainant has said nothing about the answer."""
    while await _close_some(database):
        pass


async def _note_some(database: Database) -> bool:
    async with database.transaction() as tx:
        calendar = await calendar_of(tx)
        changed = or_(Complaint.look_at <= today(), Complaint.calendar_revision < calendar.revision)
        due = select(Complaint).where(Complaint.status.in_(RUNNING), changed)
        rows = (await tx.scalars(claimable(due, Complaint.id, limit=_AT_ONCE))).all()
        for row in rows:
            await _note(tx, row, calendar)
    return len(rows) == _AT_ONCE


async def _note(tx: AsyncSession, row: Complaint, calendar: Calendar) -> None:
    before = (row.flag, row.level)
    clocks.settle(row, today(), calendar)
    clock.wind(row, calendar)
    if row.flag and (row.flag, row.level) != before:
        await steps.note(tx, row, ComplaintAction.ESCALATE, ComplaintActor.CLOCK)


async def _close_some(database: Database) -> bool:
    async with database.transaction() as tx:
        due = select(Complaint).where(Complaint.status == ComplaintStatus.ANSWERED, Complaint.dispute_until < today())
        rows = (await tx.scalars(claimable(due, Complaint.dispute_until, limit=_AT_ONCE))).all()
        for row in rows:
            await steps.move(tx, row, ComplaintAction.LAPSE, ComplaintStatus.CLOSED)
            await steps.note(tx, row, ComplaintAction.LAPSE, ComplaintActor.CLOCK)
    return len(rows) == _AT_ONCE
