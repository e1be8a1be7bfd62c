"""A thousand random changes made by the tables' owner: the proof finds every one and points at it."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from svc_payments.ledger.__main__ import COMMAND
from svc_payments.ledger.anchors import anchoring
from svc_payments.ledger.facts import _CHANGED
from svc_payments.ledger.spans import HIGHEST, LOWEST
from tests.anchor_keys import anchor_key
from tests.svc_payments.ledger.tampering.scene import play
from tests.svc_payments.ledger.tampering.tampers import TABLES, BooksTampering
from tests.svc_payments.world import World
from tests.tampering.trial import Proof, missed, with_triggers_off

CHANGES = 1_000
SEED = 20_261_129


@pytest.fixture
def proof(tmp_path: Path) -> Proof:
    return Proof(COMMAND, (tmp_path / "anchors").as_uri())


@pytest_asyncio.fixture
async def played(world: World, proof: Proof) -> World:
    """The scene, anchored twice."""
    anchors = anchoring(proof.store_url, anchor_key())
    await play(world)
    await anchors.anchor(world.database)
    await world.captured(new_id())
    await anchors.anchor(world.database)
    return world


@pytest_asyncio.fixture
async def owner_tx(played: World) -> AsyncIterator[AsyncSession]:
    async with with_triggers_off(played.database) as tx:
        yield tx


@pytest.mark.timeout(600)
async def test_every_random_change_is_found(owner_tx: AsyncSession, proof: Proof) -> None:
    unseen, tables = await missed(BooksTampering(owner_tx, SEED), partial(proof.of, owner_tx), CHANGES)
    assert not unseen, "\n".join(change.what for change in unseen)
    assert set(tables) == set(TABLES)


async def test_a_column_that_a_later_migration_adds_is_not_taken_for_a_change(
    owner_tx: AsyncSession, proof: Proof
) -> None:
    for table in ("payments", "refunds"):
        await owner_tx.execute(text(f"ALTER TABLE {table} ADD COLUMN added_later integer NOT NULL DEFAULT 7"))
    assert [finding async for finding in proof.of(owner_tx)] == []
    # One row of each kind is compared in PostgreSQL: what is left for Python are the payments of several bills.
    compared = (await owner_tx.execute(text(_CHANGED), {"first": LOWEST, "last": HIGHEST})).all()
    several = "SELECT count(*) FROM (SELECT FROM payment_lines GROUP BY payment_id HAVING count(*) > 1) AS payments"
    assert len(compared) <= (await owner_tx.scalar(text(several)) or 0)
    await owner_tx.execute(text("UPDATE refunds SET requested_by = uuidv7()"))
    found = [finding async for finding in proof.of(owner_tx)]
    assert [finding for finding in found if "requested_by changed since it was sealed" in finding]
