"""A thousand random changes made by the tables' owner: the proof finds every one and points at it."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from kit.audit.anchors import opened
from kit.audit.proof import read_anchors
from kit.audit.settings import public_keys
from svc_payments.ledger.__main__ import COMMAND
from svc_payments.ledger.anchors import anchoring
from tests.anchor_keys import anchor_key, anchor_public_keys
from tests.databases import as_administrator
from tests.svc_payments.ledger.tampering.scene import play
from tests.svc_payments.ledger.tampering.tampers import TABLES, UNLOCK, Change, Tampering
from tests.svc_payments.world import World

CHANGES = 1_000
SEED = 20_261_129


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return (tmp_path / "anchors").as_uri()


@pytest_asyncio.fixture
async def played(world: World, store_url: str) -> World:
    """The scene, anchored twice."""
    anchors = anchoring(store_url, anchor_key())
    await play(world)
    await anchors.anchor(world.database)
    await world.captured(new_id())
    await anchors.anchor(world.database)
    return world


@pytest_asyncio.fixture
async def owner_tx(played: World) -> AsyncIterator[AsyncSession]:
    """A transaction of the owner, with triggers and constraints out of the way."""
    owner = Database(as_administrator(played.database.engine.url))
    async with owner.engine.connect() as connection:
        outer = await connection.begin()
        async with AsyncSession(connection, join_transaction_mode="create_savepoint") as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(text(UNLOCK))
            yield session
        await outer.rollback()
    await owner.close()


async def findings(tx: AsyncSession, store_url: str) -> AsyncIterator[str]:
    store = opened(store_url)
    stored = await read_anchors(store, "payments")
    async for finding in COMMAND.findings(tx, store, stored, public_keys(anchor_public_keys())):
        yield finding


async def is_pointed_at(change: Change, tx: AsyncSession, store_url: str) -> bool:
    """Whether the proof names the change; it goes no further than that."""
    async for finding in findings(tx, store_url):
        if change.is_named_in(finding):
            return True
    return False


@pytest.mark.timeout(600)
async def test_every_random_change_is_found(owner_tx: AsyncSession, store_url: str) -> None:
    assert [finding async for finding in findings(owner_tx, store_url)] == []
    tampering = Tampering(owner_tx, SEED)
    await tampering.look()
    missed = []
    tables: Counter[str] = Counter()
    for _ in range(CHANGES):
        async with owner_tx.begin_nested() as savepoint:
            change = await tampering.any()
            tables[change.table] += 1
            if not await is_pointed_at(change, owner_tx, store_url):
                missed.append(change.what)
            await savepoint.rollback()
    assert not missed, "\n".join(missed)
    assert set(tables) == set(TABLES)


async def test_a_column_that_a_later_migration_adds_is_not_taken_for_a_change(
    owner_tx: AsyncSession, store_url: str
) -> None:
    for table in ("payments", "refunds"):
        await owner_tx.execute(text(f"ALTER TABLE {table} ADD COLUMN added_later integer NOT NULL DEFAULT 7"))
    assert [finding async for finding in findings(owner_tx, store_url)] == []
    await owner_tx.execute(text("UPDATE refunds SET requested_by = uuidv7()"))
    found = [finding async for finding in findings(owner_tx, store_url)]
    assert [finding for finding in found if "requested_by changed since it was sealed" in finding]
