"""Monthly partitions of bills: placement, numbers unique per provider, and the migration of existing databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from alembic import command
from sqlalchemy import URL, func, make_url, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from chassis.db import Database, new_id
from chassis.migrations import Roles, alembic_config, provision, upgrade
from svc_payments.billing.bills.models import Bill, BillNumber
from svc_payments.billing.bills.partitions import ensure_partitions
from tests.svc_payments.billing.bills.factories import a_bill, save

_WHERE = text("SELECT tableoid::regclass::text FROM bills WHERE id = :id")


def id_at(moment: datetime, tail: int = 1) -> UUID:
    """A UUIDv7 of this moment."""
    return UUID(int=(int(moment.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62) | tail)


async def partition_of(database: Database, bill_id: UUID) -> str:
    async with database.read() as tx:
        return str(await tx.scalar(_WHERE, {"id": bill_id}))


async def test_a_new_bill_goes_to_its_month(database: Database, provider_id: UUID) -> None:
    bill = a_bill(provider_id)
    await save(database, bill)
    assert await partition_of(database, bill.id) == f"bills_{datetime.now(UTC):%Y_%m}"


async def test_a_bill_of_a_month_without_partition_is_stored(database: Database, provider_id: UUID) -> None:
    bill = a_bill(provider_id, id=id_at(datetime(2031, 1, 31, 23, 59, 59, 999_000, tzinfo=UTC)))
    await save(database, bill)
    assert await partition_of(database, bill.id) == "bills_default"


async def test_the_first_and_the_last_moment_of_a_month_are_in_it(database: Database, provider_id: UUID) -> None:
    async with database.transaction() as tx:
        made = await tx.scalar(text("SELECT ensure_bill_partitions('2031-01-15', '2031-03-01')"))
    bills = [
        a_bill(provider_id, id=id_at(datetime.fromisoformat(f"2031-{moment}+00:00")))
        for moment in ("01-31T23:59:59.999", "02-01T00:00", "02-28T23:59:59.999", "03-01T00:00")
    ]
    await save(database, *bills)
    found = [await partition_of(database, bill.id) for bill in bills]
    assert (made, found) == (3, ["bills_2031_01", "bills_2031_02", "bills_2031_02", "bills_2031_03"])


async def test_partitions_are_created_ahead_and_only_once(database: Database, owner: Database) -> None:
    months = select(func.count()).select_from(text("pg_inherits WHERE inhparent = 'bills'::regclass"))
    async with database.transaction() as tx:
        before = await tx.scalar(months)
        assert await ensure_partitions(tx) == 0
    async with owner.transaction() as tx:
        # The state after two months without a worker.
        for month in (
            await tx.scalars(text("SELECT relname FROM pg_class WHERE relname ~ '^bills_20.*[0-9]$' "))
        ).all():
            await tx.execute(text(f"ALTER TABLE bills DETACH PARTITION {month}"))
            await tx.execute(text(f"DROP TABLE {month}"))
    async with database.transaction() as tx:
        assert await ensure_partitions(tx) == 7
        assert await tx.scalar(months) == before


async def test_a_month_whose_bills_came_first_stays_in_the_default_partition(
    database: Database, provider_id: UUID
) -> None:
    bill = a_bill(provider_id, id=id_at(datetime(2031, 2, 3, tzinfo=UTC)))
    await save(database, bill)
    async with database.transaction() as tx:
        assert await tx.scalar(text("SELECT ensure_bill_partitions('2031-01-01', '2031-03-01')")) == 2
    assert await partition_of(database, bill.id) == "bills_default"


async def test_bills_are_read_and_written_while_a_partition_is_attached(database: Database, provider_id: UUID) -> None:
    person_reads = select(func.count()).select_from(Bill)
    async with database.transaction() as attaching:
        await attaching.execute(text("SELECT ensure_bill_partitions('2031-01-01', '2031-01-01')"))
        async with database.transaction() as tx:
            await tx.execute(text("SET LOCAL lock_timeout = '2s'"))
            bill = a_bill(provider_id)
            tx.add(bill)
            await tx.flush()
            assert await tx.scalar(person_reads.where(Bill.id == bill.id)) == 1


async def test_a_bill_number_is_unique_at_a_provider_across_months(database: Database, provider_id: UUID) -> None:
    """In any month of the second bill, and through any writer."""
    await save(database, a_bill(provider_id, bill_number="W-1"), a_bill(new_id(), bill_number="W-1"))
    for moment in (datetime.now(UTC), datetime(2031, 1, 1, tzinfo=UTC)):
        with pytest.raises(IntegrityError, match="pk_bill_numbers"):
            await save(database, a_bill(provider_id, bill_number="W-1", id=id_at(moment)))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bills SET bill_number = 'X'",
        "UPDATE bills SET id = uuidv7()",
        "DELETE FROM bills",
        "TRUNCATE bills CASCADE",
        "UPDATE bill_numbers SET bill_number = 'X'",
        "DELETE FROM bill_numbers",
    ],
)
async def test_number_and_partition_of_a_bill_are_immutable(
    database: Database, owner: Database, provider_id: UUID, statement: str
) -> None:
    await save(database, a_bill(provider_id))
    with pytest.raises(DBAPIError, match="only ever added to"):
        async with owner.transaction() as tx:
            await tx.execute(text(statement))


async def test_a_lookup_reads_one_partition(database: Database, provider_id: UUID) -> None:
    bill = a_bill(provider_id)
    await save(database, bill)
    async with database.read() as tx:
        plan = (await tx.scalars(text(f"EXPLAIN SELECT * FROM bills WHERE id = '{bill.id}'"))).all()  # noqa: S608
    assert sum("bills_" in line and "Scan" in line for line in plan) == 1, plan


@pytest_asyncio.fixture
async def before(postgres_url: str) -> AsyncIterator[URL]:
    """A database of the previous revision, with bills of several months and rows that refer to them."""
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database=f"upgrade_{new_id().hex}")
    await provision(url, Roles.of("svc_payments"))
    await asyncio.to_thread(command.upgrade, alembic_config("svc_payments", url), "0003")
    yield url
    await _run(url.set(database="postgres"), f'DROP DATABASE "{url.database}" WITH (FORCE)')


async def _run(url: URL, statement: str) -> None:
    connection = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


_OLD_ROWS = """
INSERT INTO bills (id, provider_id, bill_number, account_number, period, usage, amount_fen, due_date, bill_file_id,
    status, paid_fen, booked_fen)
SELECT uuidv7(-make_interval(days => 20 * n)), '{provider}', 'W-' || n, '1000000005', '2026-08-01', 1.5, 100 + n,
    '2026-10-01', uuidv7(), CASE n % 2 WHEN 0 THEN 'due' ELSE 'paid' END, CASE n % 2 WHEN 0 THEN 0 ELSE 100 + n END, 0
FROM generate_series(0, 9) AS n;
INSERT INTO bills (id, provider_id, bill_number, account_number, period, usage, amount_fen, due_date, bill_file_id)
VALUES (gen_random_uuid(), '{provider}', 'V4', '1000000005', '2026-08-01', 1, 1, '2026-10-01', uuidv7());
INSERT INTO bill_versions (bill_id, version, account_number, period, usage, amount_fen, due_date, bill_file_id)
SELECT id, 1, account_number, period, usage, 1, due_date, bill_file_id FROM bills;
INSERT INTO account_bindings (binding_id, person_id, provider_id, account_number, role)
VALUES (uuidv7(-interval '3 days'), uuidv7(), '{provider}', '1000000005', 'tenant');
"""


async def test_an_existing_database_is_migrated_completely(before: URL) -> None:
    provider_id = new_id()
    await _run(before, _OLD_ROWS.format(provider=provider_id))
    await asyncio.to_thread(upgrade, "svc_payments", before)
    database = Database(before)
    async with database.read() as tx:
        bills = (await tx.scalars(select(Bill))).all()
        numbers = {number.bill_number: number.bill_id for number in await tx.scalars(select(BillNumber))}
        parts = set((await tx.scalars(text("SELECT DISTINCT tableoid::regclass::text FROM bills"))).all())
        versions = await tx.scalar(text("SELECT count(*) FROM bill_versions JOIN bills ON bills.id = bill_id"))
        bound_days_ago = await tx.scalar(text("SELECT extract(day FROM now() - bound_at) FROM account_bindings"))
    assert {bill.bill_number: bill.id for bill in bills} == numbers
    assert sorted(bill.amount_fen for bill in bills) == [1, *range(100, 110)]
    assert sum(bill.paid_fen for bill in bills) == sum(range(101, 110, 2))
    assert (versions, bound_days_ago) == (11, 3)
    assert f"bills_{datetime.now(UTC):%Y_%m}" in parts
    assert len(parts) >= 6
    with pytest.raises(IntegrityError, match="fk_bill_versions_bill_id_bills"):
        async with database.transaction() as tx:
            await tx.execute(
                text(
                    "INSERT INTO bill_versions (bill_id, version, account_number, period, usage, amount_fen, due_date) "
                    "VALUES (uuidv7(), 1, '1000000005', '2026-08-01', 1, 1, '2026-10-01')"
                )
            )
    await database.close()


async def test_the_downgrade_keeps_everything(before: URL) -> None:
    await _run(before, _OLD_ROWS.format(provider=new_id()))
    await asyncio.to_thread(upgrade, "svc_payments", before)
    await asyncio.to_thread(command.downgrade, alembic_config("svc_payments", before), "0003")
    database = Database(before)
    async with database.read() as tx:
        assert await tx.scalar(text("SELECT count(*) FROM bills JOIN bill_versions ON bill_id = id")) == 11
    await database.close()
