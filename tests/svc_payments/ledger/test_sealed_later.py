"""Tables that a later migration seals: their earlier rows are proven too, and migrating back and forth loses none."""

import asyncio

from alembic import command
from sqlalchemy import make_url

from chassis.db import Database, new_id
from chassis.migrations import Roles, alembic_config, provision, upgrade
from kit.audit.proof import trail_parts
from svc_payments.ledger.anchors import TRAIL
from tests.svc_payments.parties.providers.test_upgrade import run

_OPERATOR = "INSERT INTO refund_operator_days (operator_id, day, refunds) VALUES ($1, '2026-11-01', 3)"


async def test_rows_of_before_are_sealed_by_the_migration(postgres_url: str) -> None:
    operator, later = new_id(), new_id()
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database=f"sealed_{new_id().hex}")
    await provision(url, Roles.of("svc_payments"))
    config = alembic_config("svc_payments", url)
    await asyncio.to_thread(command.upgrade, config, "0028")
    await run(url, _OPERATOR, operator)
    await asyncio.to_thread(upgrade, "svc_payments", url)
    database = Database(url)
    assert await findings(database) == []
    await asyncio.to_thread(command.downgrade, config, "0028")
    await asyncio.to_thread(upgrade, "svc_payments", url)
    assert await findings(database) == []
    await run(url, "UPDATE refund_operator_days SET refunds = 0")
    (found,) = await findings(database)
    assert found.startswith(f"refund_operator_days {operator} 2026-11-01: written by the database role ")
    await run(url, "ALTER TABLE refund_operator_days DISABLE TRIGGER USER")
    await run(url, "UPDATE refund_operator_days SET alone_fen = 1")
    await run(url, _OPERATOR, later)
    others = await findings(database)
    assert f"refund_operator_days {operator} 2026-11-01: alone_fen changed since it was sealed." in others
    assert f"refund_operator_days {later} 2026-11-01: sealed nowhere; it was inserted past the trail." in others
    await database.close()
    await run(url.set(database="postgres"), f'DROP DATABASE "{url.database}" WITH (FORCE)')


async def findings(database: Database) -> list[str]:
    async with database.read() as tx:
        return [finding for part in trail_parts(TRAIL, []) async for finding in part.findings(tx)]
