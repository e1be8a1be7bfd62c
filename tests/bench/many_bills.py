"""Two years of bills of a prefecture in any size: six providers, accounts, the residents bound to them, their bills.

Whatever the size, a resident has one to three accounts and the same number of bills. Six accounts, one of each
provider, belong to three residents. Made set by set in the database: 20 million bills take some minutes.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

import asyncpg

MONTHS = 24
RESIDENTS_OF_SIX = 3
_AT_ONCE = 250_000


class Biller(NamedTuple):
    """A provider, and how often it sends bills."""

    kind: str
    every_months: int

    @property
    def id(self) -> UUID:
        return uuid5(NAMESPACE_URL, f"bench {self.kind}")


BILLERS = (
    Biller("electricity", 1),
    Biller("telecom", 1),
    Biller("water", 3),
    Biller("gas", 3),
    Biller("heating", 3),
    Biller("cable_tv", 3),
)
BILLS_OF_SIX_ACCOUNTS = sum(MONTHS // biller.every_months for biller in BILLERS)

_PROVIDER = """
    INSERT INTO providers (provider_id, kind, name, endpoint_url, as_of)
    VALUES ($1, $2, 'Sample company', 'http://127.0.0.1:1', now())
"""
# Of six accounts the first resident has one, the second two and the third three, of other providers each time. One
# account in ten is let, to somebody who moved in a year ago.
_BINDINGS = """
    INSERT INTO account_bindings (binding_id, person_id, provider_id, account_number, role, bound_at)
    SELECT uuidv7(), md5('resident ' || six * 3 + (ARRAY[0, 1, 1, 2, 2, 2])[slot + 1])::uuid,
        ($2::uuid[])[(six + slot) % 6 + 1], lpad((six + 1)::text, 10, '0'),
        CASE WHEN (six + slot) % 10 = 0 THEN 'tenant' ELSE 'owner' END, now() - interval '1 year'
    FROM generate_series(0, $1::integer - 1) AS six, generate_series(0, 5) AS slot
"""
# Nearly all bills are paid in the end, and most of this month's not yet.
_BILLS = """
    INSERT INTO bills (id, provider_id, bill_number, account_number, period, usage, amount_fen, due_date, meter_from,
        meter_to, status, paid_fen, booked_fen, created_at)
    SELECT uuidv7($5::interval), $1, $6 || lpad(n::text, 7, '0'), lpad((n + 1)::text, 10, '0'),
        ($4::date - interval '1 month')::date, units, units * 53, $4::date + 24, meter, meter + units,
        CASE WHEN owed THEN 'due' ELSE 'posted' END, CASE WHEN owed THEN 0 ELSE units * 53 END,
        CASE WHEN owed THEN 0 ELSE units * 53 END, now() + $5::interval
    FROM (
        SELECT n, 20 + n * 7919::bigint % 280 AS units, n * 104729::bigint % 90000 AS meter,
            (n * 31::bigint + $7 * 17) % 100 < $8 AS owed
        FROM generate_series($2::integer, $3::integer - 1) AS n
    ) AS drawn
"""


def resident(number: int) -> UUID:
    """The id that the residents' SQL gives to one of them, counted from 0."""
    from hashlib import md5

    return UUID(md5(f"resident {number}".encode(), usedforsecurity=False).hexdigest())


async def fill(connection: asyncpg.Connection, bills: int) -> int:
    """Make so many bills, rounded down to whole households, and return the number of residents."""
    accounts = bills // BILLS_OF_SIX_ACCOUNTS
    await connection.execute(
        "SELECT ensure_bill_partitions((now() - make_interval(months => $1))::date, now()::date)", MONTHS
    )
    for biller in BILLERS:
        await connection.execute(_PROVIDER, biller.id, biller.kind)
    await connection.execute(_BINDINGS, accounts, [biller.id for biller in BILLERS])
    await _fill_months(connection, accounts)
    # As autovacuum would have left tables that came to this size over two years.
    await connection.execute("VACUUM (ANALYZE) bills, bill_numbers, account_bindings")
    return accounts * RESIDENTS_OF_SIX


async def _fill_months(connection: asyncpg.Connection, accounts: int) -> None:
    started, made = time.perf_counter(), 0
    wanted = accounts * BILLS_OF_SIX_ACCOUNTS
    for back, month in enumerate(_months()):
        for biller in BILLERS:
            if back % biller.every_months:
                continue
            for first in range(0, accounts, _AT_ONCE):
                await _fill_one(connection, biller, month, range(first, min(first + _AT_ONCE, accounts)), back)
            made += accounts
        if wanted > _AT_ONCE:
            print(f"  {made:,} of {wanted:,} bills after {time.perf_counter() - started:.0f} s", flush=True)


async def _fill_one(
    connection: asyncpg.Connection, biller: Biller, month: datetime, accounts: Sequence[int], back: int
) -> None:
    percent_owed = 40 if back == 0 else 3
    await connection.execute(
        _BILLS,
        biller.id,
        accounts[0],
        accounts[-1] + 1,
        month.date(),
        month - datetime.now(UTC),
        f"{biller.kind[0].upper()}{month:%Y%m}-",
        back,
        percent_owed,
    )


def _months() -> Iterator[datetime]:
    """The beginnings of the last months, from this one back."""
    month = date.today().replace(day=1)  # noqa: DTZ011 - any day of this month will do
    for back in range(MONTHS):
        months = month.year * 12 + month.month - 1 - back
        yield datetime(months // 12, months % 12 + 1, 1, 1, tzinfo=UTC)
