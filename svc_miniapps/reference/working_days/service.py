"""Working days as svc_services' maintained calendar says; of other days, as the package of holidays does."""

from collections.abc import Callable, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import is_working_day
from svc_miniapps.reference.working_days.models import CalendarDay

IsWorkingDay = Callable[[date], bool]


async def working_days(tx: AsyncSession) -> IsWorkingDay:
    """Which days are working days, as far as is known now."""
    days = {each.day: each.working for each in await tx.scalars(select(CalendarDay))}
    return lambda day: days[day] if day in days else is_working_day(day)


async def take_over(tx: AsyncSession, revision: int, days: Sequence[tuple[date, bool]]) -> None:
    """Keep what a revision of the calendar says of some days, unless a later one said it already."""
    if not days:
        return
    rows = [{"day": day, "working": working, "revision": revision} for day, working in days]
    row = insert(CalendarDay).values(rows)
    told = {"working": row.excluded.working, "revision": row.excluded.revision}
    newer = row.excluded.revision > CalendarDay.revision
    await tx.execute(row.on_conflict_do_update(index_elements=[CalendarDay.day], set_=told, where=newer))
