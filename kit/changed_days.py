"""Working days as operators have changed them, kept from svc_services' events in a service's own database.

A day without a row goes by the State Council's calendar, as `kit.calendar` has it.
"""

from collections.abc import Callable
from datetime import date

from sqlalchemy import Boolean, Column, Date, Integer, MetaData, Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from kit.calendar import is_working_day

changed_days = Table(
    "changed_days",
    MetaData(),
    Column("day", Date, primary_key=True),
    Column("working", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
)
"""`revision` counts the changes of the whole calendar: a row is replaced by later ones alone."""


class ChangedDay(EventData):
    day: date
    working: bool


class CalendarChanged(EventData):
    """What is used of svc_services' `calendar.changed`."""

    revision: int
    days: list[ChangedDay]


def add_changed_days(metadata: MetaData) -> None:
    """Add the table to a service's metadata."""
    changed_days.to_metadata(metadata)


async def working_days(tx: AsyncSession) -> Callable[[date], bool]:
    """Which days are working days, for `counts` of `kit.calendar`; a few dozen rows for each year."""
    rows = await tx.execute(select(changed_days.c.day, changed_days.c.working))
    known = {row.day: row.working for row in rows}

    def counts(day: date) -> bool:
        return known[day] if day in known else is_working_day(day)

    return counts


async def keep(tx: AsyncSession, event: Received[CalendarChanged]) -> None:
    """Keep what a change of the calendar says of its days."""
    # In the order of days, so that two workers with changes in common cannot deadlock; of a day, the last one stands.
    said = {each.day: each.working for each in event.data.days}
    rows = [{"day": day, "working": said[day], "revision": event.data.revision} for day in sorted(said)]
    if not rows:
        return
    row = insert(changed_days).values(rows)
    later = row.on_conflict_do_update(
        index_elements=[changed_days.c.day],
        set_={"working": row.excluded.working, "revision": row.excluded.revision},
        where=row.excluded.revision > changed_days.c.revision,
    )
    await tx.execute(later)


HANDLERS: list[AnyHandler] = [Handler("cn.ili.services.calendar.changed.v1", CalendarChanged, keep)]
