"""The owner of the tables against the proof: what was changed, and what of it was not pointed at."""

import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import time_machine
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.service import Every
from kit.audit.anchors import opened
from kit.audit.command import Command
from kit.audit.proof import read_anchors
from kit.audit.settings import public_keys
from tests.anchor_keys import anchor_public_keys
from tests.databases import as_administrator
from tests.tampering.changes import Change, Tampering

_CHANGES = 240
_SEED = 20_261_129
_UNLOCK = """
    DO $$
    DECLARE command text;
    BEGIN
        FOR command IN
            SELECT format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', conrelid::regclass, conname)
            FROM pg_constraint
            WHERE contype IN ('c', 'u', 'f') AND connamespace = 'public'::regnamespace AND conparentid = 0
            AND conislocal AND NOT EXISTS (SELECT FROM pg_class WHERE oid = conrelid AND relispartition)
            UNION ALL
            SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index
            WHERE indisunique AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
            AND indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
            UNION ALL
            SELECT format('ALTER TABLE %s ALTER %I DROP IDENTITY', attrelid::regclass, attname) FROM pg_attribute
            JOIN pg_class ON pg_class.oid = attrelid
            WHERE attidentity <> '' AND relnamespace = 'public'::regnamespace
        LOOP
            EXECUTE command;
        END LOOP;
    END $$
"""
"""The owner drops whatever would refuse a change: only the proof is left."""
_DEADLOCK = "40P01"


@contextlib.asynccontextmanager
async def with_triggers_off(database: Database) -> AsyncIterator[AsyncSession]:
    """A transaction of the owner, with triggers and constraints out of the way; it is rolled back."""
    owner = Database(as_administrator(database.engine.url))
    async with owner.engine.connect() as connection:
        outer = await connection.begin()
        async with AsyncSession(connection, join_transaction_mode="create_savepoint") as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await _unlock(session)
            yield session
        await outer.rollback()
    await owner.close()


async def _unlock(session: AsyncSession) -> None:
    """Again after a deadlock: the service under test may still be at the notice of a payment."""
    for attempts_left in (3, 2, 1, 0):
        try:
            async with session.begin_nested():
                await session.execute(text(_UNLOCK))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") != _DEADLOCK or not attempts_left:
                raise
        else:
            return


async def forge(database: Database, table: str, **changed: object) -> None:
    """Insert a copy of some row with columns changed, as the server's administrator and with the triggers on."""
    copied = (
        f"INSERT INTO {table} SELECT copy.* FROM {table} AS row "  # noqa: S608
        "CROSS JOIN LATERAL jsonb_populate_record(row, CAST(:changed AS jsonb)) AS copy LIMIT 1"
    )
    owner = Database(as_administrator(database.engine.url))
    async with owner.transaction() as tx:
        await tx.execute(text(copied), {"changed": json.dumps(changed, default=str)})
    await owner.close()


@dataclass(frozen=True)
class Proof:
    """The proof of a service by a store of anchors."""

    command: Command
    store_url: str

    async def of(self, tx: AsyncSession) -> AsyncIterator[str]:
        store = opened(self.store_url)
        stored = await read_anchors(store, self.command.trail.service)
        async for finding in self.command.findings(tx, store, stored, public_keys(anchor_public_keys())):
            yield finding

    async def findings(self, database: Database) -> list[str]:
        async with database.read() as tx:
            return [finding async for finding in self.of(tx)]

    async def anchored(self) -> list[int]:
        """The numbers of the anchors in the store."""
        stored = await read_anchors(opened(self.store_url), self.command.trail.service)
        return [anchor.number for anchor in stored.anchors]


async def run_hourly(schedules: Sequence[Every], proof: Proof) -> list[list[int]]:
    """Run a worker's schedules twice at once and twice an hour later; returns the anchors after each run."""
    anchored = []
    for seconds in (0, 1, 3_600, 3_601):
        with time_machine.travel(time.time() + seconds):
            for schedule in schedules:
                await schedule.work()
        anchored.append(await proof.anchored())
    return anchored


async def missed(
    tampering: Tampering, findings: Callable[[], AsyncIterator[str]], count: int
) -> tuple[list[Change], Counter[str]]:
    """Make so many changes, one at a time; returns those that no finding points at, and the tables that were hit."""
    assert [finding async for finding in findings()] == []
    await tampering.look()
    unseen = []
    tables: Counter[str] = Counter()
    for _ in range(count):
        async with tampering.tx.begin_nested() as savepoint:
            change = await tampering.any()
            tables[change.table] += 1
            if not await _points_at(tampering, change, findings):
                unseen.append(change)
            await savepoint.rollback()
    return unseen, tables


async def assert_every_change_is_found(
    database: Database, proof: Proof, unproven: Mapping[str, Collection[str]] | None = None
) -> None:
    """Make random changes in all tables of a service's trail, one at a time; each must be pointed at.

    Args:
        database: holds the scene, which is anchored.
        proof: of the service.
        unproven: columns that are not sealed, by table.
    """
    trail = proof.command.trail
    async with with_triggers_off(database) as tx:
        tampering = Tampering(tx, _SEED, trail.tables, unproven or {})
        unseen, tables = await missed(tampering, partial(proof.of, tx), _CHANGES)
    assert not unseen, "\n".join(change.what for change in unseen)
    assert set(tampering.tables) - set(tables) == set(), (
        f"without a row in the scene, or not hit: {set(tampering.tables) - set(tables)}"
    )


async def _points_at(tampering: Tampering, change: Change, findings: Callable[[], AsyncIterator[str]]) -> bool:
    """Whether a finding names the change; the proof goes no further than that."""
    async for finding in findings():
        if tampering.is_named(change, finding):
            return True
    return False
