"""A bill file's rows into the bills: staged by COPY, then taken in set by set, in one transaction.

The staging tables are temporary: they write no WAL and are gone when the transaction ends, whichever way.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.bill_files.rows import STAGED_COLUMNS

_CONTENT_COLUMNS = ("account_number", "period", "usage", "amount_fen", "due_date", "meter_from", "meter_to")
_CONTENT = ", ".join(_CONTENT_COLUMNS)


def _content_of(table: str) -> str:
    return f"ROW({', '.join(f'{table}.{column}' for column in _CONTENT_COLUMNS)})"


_CREATE = (
    # The id a bill will have tells, after the insert, which rows became bills.
    """
    CREATE TEMPORARY TABLE staged (
        row integer, bill_number text, account_number text, period date, usage numeric(12, 3), amount_fen bigint,
        due_date date, meter_from numeric(12, 3), meter_to numeric(12, 3), reason text, id uuid DEFAULT uuidv7()
    ) ON COMMIT DROP
    """,
    # Rows whose number was taken already, by a bill of before or by an earlier row of the file.
    "CREATE TEMPORARY TABLE contested (LIKE staged) ON COMMIT DROP",
    # The same rows and what becomes of them; the first of them with its number has place 1.
    "CREATE TEMPORARY TABLE claims (LIKE staged, place bigint, bill_id uuid, outcome text) ON COMMIT DROP",
    # For the one hash over the file's rows; the default of 4 MB would spill it.
    "SET LOCAL work_mem = '64MB'",
)

# Rows are read in the order they were staged, so the first of several with one number becomes the bill.
_INSERT_NEW = f"""
    WITH inserted AS (
        INSERT INTO bills (id, provider_id, bill_file_id, bill_number, {_CONTENT})
        SELECT id, :provider_id, :bill_file_id, bill_number, {_CONTENT} FROM staged WHERE reason IS NULL
        ON CONFLICT (provider_id, bill_number) DO NOTHING
        RETURNING id
    )
    INSERT INTO contested
    SELECT * FROM staged
    WHERE reason IS NULL AND NOT EXISTS (SELECT FROM inserted WHERE inserted.id = staged.id)
"""  # noqa: S608 - the column names above

_GROWS_MUCH = """
    SELECT (SELECT count(*) FROM staged) > reltuples / 10 FROM pg_class WHERE oid = CAST('bills' AS regclass)
"""

# A contested row is held against the first row of the file with its number, which became the bill (`born_here`) or is
# contested as well, and then against the bill. Those that are left without an outcome want to amend it.
_COMPARE = f"""
    INSERT INTO claims
    SELECT claim.*, bill.id,
        CASE
            WHEN {_content_of("claim")} IS DISTINCT FROM
                CASE WHEN bill.born_here THEN bill.content ELSE first_value({_content_of("claim")}) OVER same_number END
                THEN 'duplicate_in_file'
            WHEN {_content_of("claim")} IS NOT DISTINCT FROM bill.content THEN 'unchanged'
        END
    FROM (SELECT *, row_number() OVER (PARTITION BY bill_number ORDER BY row) FROM contested) AS claim
    JOIN (
        SELECT id, bill_number, bill_file_id = :bill_file_id AS born_here, {_content_of("bills")} AS content
        FROM bills WHERE provider_id = :provider_id
    ) AS bill USING (bill_number)
    WINDOW same_number AS (PARTITION BY claim.bill_number ORDER BY claim.row)
"""  # noqa: S608 - the column names above

# In the order of ids, as payments lock bills too. A bill that is not due is locked and left as it is.
_AMEND = f"""
    WITH amended AS (
        INSERT INTO bills (provider_id, bill_file_id, bill_number, {_CONTENT})
        SELECT :provider_id, :bill_file_id, bill_number, {_CONTENT}
        FROM claims WHERE outcome IS NULL AND place = 1 ORDER BY bill_id
        ON CONFLICT (provider_id, bill_number) DO UPDATE
        SET version = bills.version + 1, bill_file_id = excluded.bill_file_id,
            {", ".join(f"{column} = excluded.{column}" for column in _CONTENT_COLUMNS)}
        WHERE bills.status = 'due'
        RETURNING old.*
    )
    INSERT INTO bill_versions (bill_id, version, bill_file_id, {_CONTENT})
    SELECT id, version, bill_file_id, {_CONTENT} FROM amended
"""  # noqa: S608 - the column names above

# The first row has amended the bill, or is refused; its copies fare as it does.
_SETTLE = """
    UPDATE claims SET outcome = CASE
        WHEN bills.bill_file_id = :bill_file_id AND place = 1 THEN 'amended'
        WHEN bills.bill_file_id = :bill_file_id THEN 'unchanged'
        WHEN bills.status = 'paying' THEN 'payment_in_progress'
        ELSE 'bill_already_paid'
    END
    FROM bills WHERE bills.id = claims.bill_id AND claims.outcome IS NULL
"""

_KEEP_REFUSED = """
    INSERT INTO refused_rows (bill_file_id, row, bill_number, reason)
    SELECT :bill_file_id, refused.* FROM (
        SELECT row, coalesce(bill_number, ''), reason FROM staged WHERE reason IS NOT NULL
        UNION ALL
        SELECT row, bill_number, outcome FROM claims WHERE outcome NOT IN ('unchanged', 'amended')
    ) AS refused
"""

_COUNT = """
    SELECT (SELECT count(*) FROM staged) AS rows,
        (SELECT count(*) FROM claims WHERE outcome = 'unchanged') AS unchanged,
        (SELECT count(*) FROM claims WHERE outcome = 'amended') AS amended,
        (SELECT count(*) FROM refused_rows WHERE bill_file_id = :bill_file_id) AS refused
"""


@dataclass(frozen=True)
class Counts:
    rows: int
    accepted: int
    unchanged: int
    amended: int
    refused: int


async def stage(tx: AsyncSession, blocks: AsyncIterator[bytes]) -> None:
    """Copy the rows of a file into this transaction's staging table; nobody else sees or waits for them."""
    for statement in _CREATE:
        await tx.execute(text(statement))
    raw = (await (await tx.connection()).get_raw_connection()).driver_connection
    assert raw is not None  # noqa: S101 - the pool hands out live connections
    await raw.copy_to_table("staged", source=blocks, columns=STAGED_COLUMNS, null="", schema_name="pg_temp")


async def take_in(tx: AsyncSession, provider_id: UUID, bill_file_id: UUID) -> Counts:
    """Make bills of the staged rows: new ones are inserted, differing ones amended where nothing forbids it."""
    parameters = {"provider_id": provider_id, "bill_file_id": bill_file_id}
    await _execute(tx, _INSERT_NEW, parameters)
    if await tx.scalar(text(_GROWS_MUCH)):
        # While a large file goes into a small table, autovacuum may note that the table has thousands of pages and
        # no rows, for none is committed. Joins planned by that note took many minutes, here and in what came next.
        await tx.execute(text("ANALYZE bills"))
    for statement in (_COMPARE, _AMEND, _SETTLE, _KEEP_REFUSED):
        await _execute(tx, statement, parameters)
    count = (await tx.execute(text(_COUNT), {"bill_file_id": bill_file_id})).one()
    accepted = count.rows - count.unchanged - count.amended - count.refused
    return Counts(count.rows, accepted, count.unchanged, count.amended, count.refused)


async def _execute(tx: AsyncSession, statement: str, parameters: dict[str, UUID]) -> None:
    await tx.execute(text(statement), {name: parameters[name] for name in parameters if f":{name}" in statement})
