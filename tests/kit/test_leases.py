"""What two workers see of the same rows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from kit.calendar import database_time
from kit.leases import claim_due, claimable, pause_after, poll_again
from tests.kit.tables import Label, Parcel

LEASE = timedelta(minutes=1)
PARCELS = select(Parcel.id)


@pytest_asyncio.fixture
async def parcels(database: Database) -> Database:
    """Parcels 1 to 4, each with a label of the same number; the third has waited longest, the fourth is not due."""
    minutes = {1: -20, 2: -10, 3: -30, 4: 10}
    async with database.transaction() as tx:
        tx.add_all(Parcel(id=number, try_at=now() + timedelta(minutes=late)) for number, late in minutes.items())
        await tx.flush()
        tx.add_all(
            Label(id=number, parcel_id=number, ask_at=now() + timedelta(minutes=late))
            for number, late in minutes.items()
        )
    return database


async def claimed(tx: AsyncSession, limit: int | None = None) -> Sequence[int]:
    due = PARCELS.where(Parcel.try_at <= func.now())
    return (await tx.scalars(claimable(due, Parcel.try_at, limit=limit))).all()


async def test_the_longest_due_are_claimed_first(parcels: Database) -> None:
    async with parcels.transaction() as worker:
        assert await claimed(worker, 2) == [3, 1]


async def test_a_claimed_row_is_left_to_its_worker(parcels: Database) -> None:
    async with parcels.transaction() as first, parcels.transaction() as second:
        assert await claimed(first, 1) == [3]
        assert await claimed(second, 1) == [1]
        assert await claimed(second) == [1, 2]
    async with parcels.transaction() as third:
        assert await claimed(third) == [3, 1, 2]


@pytest.mark.parametrize(("of", "free"), [(None, []), (Label, [1])])
async def test_of_a_join_only_the_named_tables_are_locked(
    parcels: Database, of: type[Label] | None, free: list[int]
) -> None:
    joined = select(Label, Parcel).join(Parcel, Parcel.id == Label.parcel_id).where(Label.id == 1)
    async with parcels.transaction() as first, parcels.transaction() as second:
        assert len((await first.execute(claimable(joined, of=of))).all()) == 1
        assert (await second.scalars(claimable(PARCELS.where(Parcel.id == 1)))).all() == free
        assert (await second.scalars(claimable(select(Label.id).where(Label.id == 1)))).all() == []


@pytest.mark.parametrize(("key_share", "referable"), [(False, []), (True, [1])])
async def test_a_row_claimed_for_key_share_can_still_be_referred_to(
    parcels: Database, *, key_share: bool, referable: list[int]
) -> None:
    of_a_reference = text("SELECT id FROM parcels WHERE id = 1 FOR KEY SHARE SKIP LOCKED")
    async with parcels.transaction() as first, parcels.transaction() as second:
        await first.execute(claimable(PARCELS.where(Parcel.id == 1), key_share=key_share))
        assert (await second.scalars(of_a_reference)).all() == referable


async def test_a_lease_outlasts_the_transaction_and_ends_by_itself(parcels: Database) -> None:
    async with parcels.transaction() as first:
        parcel = await first.get_one(Parcel, 3)
        assert parcel.lease(LEASE) == 1
    async with parcels.transaction() as second:
        assert await claimed(second) == [1, 2]
        ends = await second.scalar(select(Parcel.try_at).where(Parcel.id == 3))
        assert ends is not None
        assert timedelta(seconds=30) < ends - await database_time(second) <= LEASE
        await second.execute(update(Parcel).where(Parcel.id == 3).values(try_at=func.now()))
    async with parcels.transaction() as third:
        assert 3 in await claimed(third)
        parcel = await third.get_one(Parcel, 3)
        assert parcel.lease(LEASE) == 2


async def test_what_is_polled_is_leased_to_one_worker(parcels: Database) -> None:
    async with parcels.transaction() as first:
        labels = await claim_due(first, Label, LEASE)
        assert [label.id for label in labels] == [3, 1, 2]
        assert {label.ask_at for label in labels} == {await database_time(first) + LEASE}
    async with parcels.transaction() as second:
        assert await claim_due(second, Label, LEASE) == []


@pytest.mark.parametrize(
    ("asked", "latest", "seconds"), [(0, None, 20), (1, None, 60), (5, None, 60), (5, 30, 30), (0, 30, 20)]
)
def test_the_next_poll_comes_after_a_growing_pause_or_at_the_latest_moment(
    asked: int, latest: int | None, seconds: int
) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    label = Label(id=1, parcel_id=1, asked=asked)
    poll_again(label, moment, [10, 20, 60], latest=moment + timedelta(seconds=latest) if latest else None)
    assert (label.asked, label.ask_at) == (asked + 1, moment + timedelta(seconds=seconds))


@pytest.mark.parametrize(("tries", "seconds"), [(0, 10), (1, 20), (2, 20), (9, 20)])
def test_the_last_pause_repeats(tries: int, seconds: int) -> None:
    assert pause_after([10, 20], tries) == timedelta(seconds=seconds)
