"""Keyset pages: nothing twice, nothing left out, and no cursor of anybody's own making."""

import base64
import json
from uuid import UUID

import pytest
from sqlalchemy import Text, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.db import Database, new_id
from chassis.pagination import BadCursor, Page, PageRequest, page_of
from tests.databases import add_tables


class Base(DeclarativeBase):
    pass


class Reading(Base):
    __tablename__ = "readings"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    meter: Mapped[str] = mapped_column(Text)


@pytest.fixture
async def readings(database: Database) -> Database:
    await add_tables(database, Base.metadata)
    await insert(database, 25)
    return database


async def insert(database: Database, number: int) -> None:
    async with database.transaction() as tx:
        tx.add_all([Reading(id=new_id(), meter="water") for _ in range(number)])


async def page(tx: AsyncSession, request: PageRequest, *, newest_first: bool = False) -> Page[UUID]:
    return await page_of(
        tx, select(Reading), request, Reading.id, lambda reading: reading.id, newest_first=newest_first
    )


def after(cursor: str | None) -> str:
    assert cursor is not None
    decoded: str = json.loads(base64.urlsafe_b64decode(cursor + "=="))["after"]
    return decoded


@pytest.mark.parametrize("newest_first", [False, True])
async def test_pages_together_are_the_whole_list_once_and_in_order(readings: Database, newest_first: bool) -> None:  # noqa: FBT001 - a parameter of the test
    seen: list[UUID] = []
    request = PageRequest(limit=10)
    async with readings.read() as tx:
        while True:
            one = await page(tx, request, newest_first=newest_first)
            seen += one.items
            if one.next_cursor is None:
                break
            request = PageRequest(10, after(one.next_cursor))
    assert len(seen) == 25
    assert seen == sorted(seen, reverse=newest_first)


async def test_what_is_added_meanwhile_moves_nothing_to_another_page(readings: Database) -> None:
    async with readings.read() as tx:
        first = await page(tx, PageRequest(limit=10), newest_first=True)
    await insert(readings, 5)
    async with readings.read() as tx:
        second = await page(tx, PageRequest(10, after(first.next_cursor)), newest_first=True)
    assert set(first.items) & set(second.items) == set()
    assert max(second.items) < min(first.items)


async def test_a_full_last_page_has_no_next(readings: Database) -> None:
    async with readings.read() as tx:
        assert (await page(tx, PageRequest(limit=25))).next_cursor is None
        assert (await page(tx, PageRequest(limit=24))).next_cursor is not None


async def test_a_key_of_another_kind_is_refused(readings: Database) -> None:
    async with readings.read() as tx:
        with pytest.raises(BadCursor):
            await page(tx, PageRequest(10, "no id"))
