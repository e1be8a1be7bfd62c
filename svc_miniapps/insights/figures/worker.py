"""Counts the days that are over, and deletes what they were counted from; errors go after a year."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from kit.calendar import today_of
from svc_miniapps.insights.errors.models import AppError
from svc_miniapps.insights.figures.groups import merged
from svc_miniapps.insights.figures.models import AppFigure
from svc_miniapps.insights.openings.models import DayKey, Opening

_ERRORS_KEPT = timedelta(days=365)


class _Counts(NamedTuple):
    """Of one division."""

    people: int
    opens: int
    errors: int


async def count_days(database: Database) -> int:
    """Count every day that is over, each in one transaction. Returns how many."""
    async with database.read() as tx:
        days = (await tx.scalars(select(DayKey.day).where(DayKey.day < await today_of(tx)).order_by(DayKey.day))).all()
    return sum([await _count(database, day) for day in days])


async def _count(database: Database, day: date) -> bool:
    async with database.transaction() as tx:
        # Waits for reports that began before midnight; another worker that has counted the day leaves no key.
        if await tx.get(DayKey, day, with_for_update=True) is None:
            return False
        for figure in await _figures(tx, day):
            await _add(tx, figure)
        await tx.execute(delete(Opening).where(Opening.day == day))
        await tx.execute(delete(DayKey).where(DayKey.day == day))
        await tx.execute(delete(AppError).where(AppError.day < day - _ERRORS_KEPT))
        return True


async def _figures(tx: AsyncSession, day: date) -> Sequence[AppFigure]:
    people = func.count().filter(Opening.opens > 0)
    query = (
        select(
            *(Opening.app_id, Opening.version_code, Opening.division_code),
            *(people, func.sum(Opening.opens), func.sum(Opening.errors)),
        )
        .where(Opening.day == day)
        .group_by(Opening.app_id, Opening.version_code, Opening.division_code)
    )
    groups: dict[tuple[UUID, int], dict[str, _Counts]] = defaultdict(dict)
    for app_id, version_code, division_code, persons, opens, errors in await tx.execute(query):
        groups[app_id, version_code][division_code] = _Counts(persons, opens, errors)
    return [_figure(day, app_id, version_code, of) for (app_id, version_code), of in sorted(groups.items())]


def _figure(day: date, app_id: UUID, version_code: int, of: dict[str, _Counts]) -> AppFigure:
    shown = merged({code: counts.people for code, counts in of.items()})
    return AppFigure(
        app_id=app_id,
        day=day,
        version_code=version_code,
        opens=sum(counts.opens for counts in of.values()),
        errors=sum(counts.errors for counts in of.values()),
        people=[{"division_code": code, "people": count} for code, count in shown.items()],
    )


async def _add(tx: AsyncSession, figure: AppFigure) -> None:
    """Add a figure. A report that began before midnight and came after the count adds openings, and no people."""
    key = {"app_id": figure.app_id, "day": figure.day, "version_code": figure.version_code}
    counts = {"opens": figure.opens, "errors": figure.errors}
    added = insert(AppFigure).values(id=new_id(), **key, **counts, people=figure.people)
    more = {name: getattr(AppFigure, name) + count for name, count in counts.items()}
    await tx.execute(added.on_conflict_do_update(index_elements=list(key), set_=more))
