"""The calendar as it stands."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import Calendar
from svc_services.calendar.changes.models import CalendarChange, CalendarChangeStatus
from svc_services.calendar.days.models import CalendarDay


async def calendar_of(tx: AsyncSession) -> Calendar:
    """The calendar, in one query: some thirty rows for each year."""
    approved = CalendarChange.status == CalendarChangeStatus.APPROVED
    days = select(func.array_agg(CalendarDay.day), func.array_agg(CalendarDay.working)).subquery()
    years = select(func.array_agg(CalendarChange.year.distinct())).where(approved, CalendarChange.completes_year)
    revision = select(func.coalesce(func.max(CalendarChange.revision), 0))
    with tx.no_autoflush:  # it is read in the middle of a step of a case
        found = await tx.execute(select(days, years.scalar_subquery(), revision.scalar_subquery()))
    listed, working, complete, number = found.one()
    return Calendar(number, dict(zip(listed or (), working or (), strict=True)), frozenset(complete or ()))


async def revision_of(tx: AsyncSession) -> int:
    return await tx.scalar(select(func.max(CalendarChange.revision))) or 0
