"""Tables that a later migration seals: their earlier rows are proven too, and migrating back and forth loses none."""

import asyncio
from typing import cast

from alembic import command
from sqlalchemy import Table, make_url
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from chassis.db import Database, new_id
from chassis.migrations import Roles, alembic_config, provision, upgrade
from kit.audit.parts import findings_in_turn
from kit.audit.proof import trail_parts
from svc_payments.billing.app_orders.models import AppOrder
from svc_payments.billing.application_fees.models import ApplicationFee
from svc_payments.billing.payees.models import Payee
from svc_payments.ledger.anchors import TRAIL
from svc_payments.ledger.proof import parts
from tests.databases import as_administrator
from tests.svc_payments.collection.refunds.steps import refused, step
from tests.svc_payments.parties.providers.test_upgrade import run
from tests.svc_payments.world import World

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


_POSTING = """
    SET session_replication_role = replica;
    INSERT INTO postings (id, payment_id, bill_id, provider_id, receipt_number, bill_number, account_number, amount_fen,
        paid_at, status, provider_reference, tries, settled_at)
    SELECT uuidv7(), uuidv7(), uuidv7(), uuidv7(), '1', '1', '1', 1, now(), status, 'R', 1, now()
    FROM unnest(ARRAY['kept', 'booked']) AS status
"""


async def test_of_postings_those_are_sealed_that_ended_unbooked(postgres_url: str) -> None:
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database=f"sealed_{new_id().hex}")
    await provision(url, Roles.of("svc_payments"))
    await asyncio.to_thread(command.upgrade, alembic_config("svc_payments", url), "0030")
    await run(url, _POSTING)
    await asyncio.to_thread(upgrade, "svc_payments", url)
    database = Database(url)
    assert await findings(database) == []
    untouched = "ALTER TABLE postings DISABLE TRIGGER USER; UPDATE postings SET "
    await run(url, untouched + "settled_at = settled_at - interval '1 day'")
    (found,) = await findings(database)
    assert found.endswith(": settled_at changed since it was sealed.")
    await run(url, untouched + "status = CASE status WHEN 'kept' THEN 'booked' ELSE 'kept' END")
    changed, inserted = sorted(await findings(database), key=len)
    assert changed.endswith(": settled_at, status changed since it was sealed.")
    assert inserted.endswith(": sealed nowhere; it was inserted past the trail.")
    await database.close()
    await run(url.set(database="postgres"), f'DROP DATABASE "{url.database}" WITH (FORCE)')


_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
_READ = (
    "GRANT SELECT ON ended_access, application_fees, payees TO PUBLIC; GRANT SELECT, UPDATE ON app_orders TO PUBLIC;"
)
_READ_SEALED = "GRANT SELECT ON payee_apps, app_order_refunds TO PUBLIC;"
_OF_TODAY = f"""
    CREATE TABLE ended_access (kind text, subject text, revision integer, ended_until timestamptz);
    {CreateTable(cast("Table", ApplicationFee.__table__)).compile(dialect=_DIALECT)};
    {CreateTable(cast("Table", Payee.__table__)).compile(dialect=_DIALECT)};
    {CreateTable(cast("Table", AppOrder.__table__)).compile(dialect=_DIALECT)};
    {_READ}
    ALTER TABLE bills ADD COLUMN usage_details text;
    ALTER TABLE account_bindings ADD COLUMN starts_on date, ADD COLUMN access_until date;
"""
"""The service of today asks for it with every request, and the schema of before has it not."""
_OF_BEFORE = """
    DROP TABLE ended_access;
    DROP TABLE application_fees, app_orders, payees;
    ALTER TABLE bills DROP COLUMN usage_details;
    ALTER TABLE account_bindings DROP COLUMN starts_on, DROP COLUMN access_until;
"""


async def test_facts_of_before_are_no_findings(world: World) -> None:
    url = as_administrator(world.database.engine.url)
    config = alembic_config("svc_payments", url)
    await asyncio.to_thread(command.downgrade, config, "0030")
    await run(url, _OF_TODAY)
    await refused(world)
    await world.captured(new_id())
    while await world.deliver_postings():
        pass
    await run(url, _OF_BEFORE)
    await asyncio.to_thread(command.upgrade, config, "head")
    await run(url, _READ + _READ_SEALED)
    await world.captured(new_id())
    await step(world)
    while await world.deliver_postings():
        pass
    async with world.database.read() as tx:
        assert [finding async for finding in findings_in_turn(tx, await parts(tx, {}))] == []
    assert await findings(world.database) == []


async def findings(database: Database) -> list[str]:
    async with database.read() as tx:
        return [finding for part in trail_parts(TRAIL, []) async for finding in part.findings(tx)]
