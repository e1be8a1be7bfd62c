"""Parts of a proof: read side by side in one snapshot, reported in their order, each failure as it is."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio
from sqlalchemy import Column, MetaData, Table, Text, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from kit.audit.parts import READERS, Part, prepare, prove_side_by_side, shared_snapshot
from tests.databases import as_administrator, cloned, made_of


@pytest_asyncio.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    metadata = MetaData()
    Table("notes", metadata, Column("id", Text, primary_key=True))
    async with cloned(await made_of(metadata, postgres_url)) as url:
        database = Database(url)
        yield database
        await database.close()


async def _notes(tx: AsyncSession) -> AsyncIterator[str]:
    async for note in await tx.stream_scalars(text("SELECT id FROM notes ORDER BY id")):
        yield note


async def _many(_: AsyncSession, name: str, count: int) -> AsyncIterator[str]:
    for number in range(count):
        yield f"{name} {number}"


async def _failing(tx: AsyncSession) -> AsyncIterator[str]:
    yield "before"
    await tx.execute(text("SELECT 1 / 0"))


async def _proven(database: Database, parts: list[Part]) -> list[str]:
    found: list[str] = []
    async with shared_snapshot(database) as readers:
        assert await prove_side_by_side(readers, parts, found.append, lambda *_: None) == len(found)
    return found


async def test_all_readers_see_one_moment(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute(text("INSERT INTO notes VALUES ('before')"))
    found: list[str] = []
    async with shared_snapshot(database) as readers:
        async with database.transaction() as tx:
            await tx.execute(text("INSERT INTO notes VALUES ('since')"))
        for reader in readers:
            found += [note async for note in _notes(reader)]
    assert found == ["before"] * READERS


async def test_findings_come_in_the_order_of_the_parts(database: Database) -> None:
    """However many more a later part has than may wait, and however much longer the first takes."""
    names = [f"part {place}" for place in range(3 * READERS)]
    parts = [Part("test", partial(_many, name=name, count=3_000)) for name in names]
    found = await _proven(database, parts)
    assert found == [f"{name} {number}" for name in names for number in range(3_000)]


async def test_a_part_that_fails_hides_no_findings_of_others(database: Database) -> None:
    later = [Part("test", partial(_many, name=f"part {place}", count=2_000)) for place in range(3 * READERS)]
    found: list[str] = []
    async with shared_snapshot(database) as readers:
        with pytest.raises(DBAPIError, match="division by zero"):
            await prove_side_by_side(readers, [Part("test", _failing), *later], found.append, lambda *_: None)
    assert len(found) == 1 + len(later) * 2_000


async def test_progress_counts_parts(database: Database) -> None:
    seen: list[tuple[str, int, int]] = []
    parts = [Part("first", _notes), Part("second", _notes)]
    async with shared_snapshot(database) as readers:
        await prove_side_by_side(readers, parts, lambda _: None, lambda *each: seen.append(each))
    assert seen == [("first", 1, 2), ("second", 2, 2)]


async def test_functions_of_the_owner_do_not_come_before_those_of_postgresql(database: Database) -> None:
    owner = Database(as_administrator(database.engine.url))
    async with owner.transaction() as tx:
        await tx.execute(text("CREATE FUNCTION public.upper(text) RETURNS text LANGUAGE sql AS $$ SELECT 'forged' $$"))
        await tx.execute(text("SET LOCAL search_path TO public, pg_catalog"))
        assert await tx.scalar(text("SELECT upper('true')")) == "forged"
        await prepare(tx)
        assert await tx.scalar(text("SELECT upper('true')")) == "TRUE"
    await owner.close()
