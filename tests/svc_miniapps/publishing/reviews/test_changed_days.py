"""A review is promised by the working days that operators have changed, in whatever order events come."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from chassis.db import CHINA, Database, new_id, now
from chassis.inbox import Received
from kit.calendar import is_working_day, today
from kit.changed_days import CalendarChanged, changed_days, working_days
from svc_miniapps.publishing.reviews.clock import due_after
from svc_miniapps.publishing.reviews.consumers import HANDLERS
from svc_miniapps.publishing.reviews.models import Review
from tests.svc_miniapps.stage import Stage


async def tell(database: Database, revision: int, *days: tuple[str, bool]) -> None:
    said = [{"day": day, "working": working} for day, working in days]
    data = CalendarChanged.model_validate({"revision": revision, "days": said, "year": 2026, "later": "ignored"})
    (handler,) = HANDLERS
    async with database.transaction() as tx:
        await handler.handle(tx, Received(new_id(), handler.event_type, datetime(2026, 11, 1, tzinfo=UTC), data))


async def test_a_promise_counts_a_holiday_that_operators_entered(stage: Stage, database: Database) -> None:
    ahead = [today() + timedelta(days=passed) for passed in range(1, 15)]
    await tell(database, 1, *((day.isoformat(), False) for day in ahead[:7]))
    release_id = await stage.draft(await stage.registered())
    await stage.step(release_id, "submit")
    async with database.read() as tx:
        due_at = (await tx.scalars(select(Review.due_at))).one()
    expected = [day for day in ahead[7:] if is_working_day(day)][2]
    assert due_at.astimezone(CHINA).date() == expected
    assert now() + timedelta(days=8) < due_at


async def test_the_last_revision_stands_whatever_comes_last(database: Database) -> None:
    told: tuple[tuple[int, list[tuple[str, bool]]], ...] = (
        (3, [("2026-06-01", False)]),
        (2, [("2026-06-01", True), ("2026-06-02", False), ("2026-06-02", True)]),
        (3, [("2026-06-01", False)]),
        (4, []),
    )
    for revision, days in told:
        await tell(database, revision, *days)
    async with database.read() as tx:
        rows = [tuple(row) for row in await tx.execute(select(changed_days).order_by(changed_days.c.day))]
        counts = await working_days(tx)
    assert [(str(day), working, revision) for day, working, revision in rows] == [
        ("2026-06-01", False, 3),
        ("2026-06-02", True, 2),
    ]
    start = datetime(2026, 5, 29, 2, tzinfo=UTC)  # Friday; Monday is a holiday now
    assert due_after(start, is_working=counts) == datetime(2026, 6, 4, 2, tzinfo=UTC)


async def test_changes_of_the_same_days_at_once_leave_the_later_one(database: Database) -> None:
    days = ["2026-07-06", "2026-07-07", "2026-07-08"]
    told = [(revision, days if revision % 2 else days[::-1]) for revision in range(1, 9)]
    await asyncio.gather(*(tell(database, revision, *((day, revision < 8) for day in each)) for revision, each in told))
    async with database.read() as tx:
        rows = [tuple(row) for row in await tx.execute(select(changed_days.c.working, changed_days.c.revision))]
    assert rows == [(False, 8)] * 3
