"""A bill file's rows into the bills: staged by COPY, then judged and taken in set by set, in one transaction.

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
    "CREATE TEMPORARY TABLE contested (LIKE staged) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE judged (row integer, bill_number text, bill_id uuid, outcome text) ON COMMIT DROP",
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

# Those that may be amended, in the order in which payments lock them too.
_LOCK_DIFFERING = f"""
    SELECT count(*) FROM (
        SELECT FROM bills JOIN contested USING (bill_number)
        WHERE bills.provider_id = :provider_id AND bills.bill_file_id <> :bill_file_id
            AND {_content_of("bills")} IS DISTINCT FROM {_content_of("contested")}
        ORDER BY bills.id FOR UPDATE OF bills
    ) AS locked
"""  # noqa: S608 - the column names above

# A row is held against the first row of the file with its number: that row became the bill (`born_here`) or is
# contested as well. Only the first may amend a bill; its copies fare as it does.
_JUDGE = f"""
    INSERT INTO judged
    SELECT claim.row, claim.bill_number, bill.id AS bill_id,
        CASE
            WHEN claim.content IS DISTINCT FROM CASE WHEN bill.born_here THEN bill.content ELSE claim.first END
                THEN 'duplicate_in_file'
            WHEN claim.content IS NOT DISTINCT FROM bill.content THEN 'unchanged'
            WHEN bill.status = 'paying' THEN 'payment_in_progress'
            WHEN bill.status <> 'due' THEN 'bill_already_paid'
            WHEN claim.place = 1 THEN 'amended'
            ELSE 'unchanged'
        END AS outcome
    FROM (
        SELECT row, bill_number, {_content_of("contested")} AS content, row_number() OVER of_one_number AS place,
            first_value({_content_of("contested")}) OVER of_one_number AS first
        FROM contested WINDOW of_one_number AS (PARTITION BY bill_number ORDER BY row)
    ) AS claim
    JOIN (
        SELECT id, bill_number, status, bill_file_id = :bill_file_id AS born_here, {_content_of("bills")} AS content
        FROM bills WHERE provider_id = :provider_id
    ) AS bill USING (bill_number)
"""  # noqa: S608 - the column names above

_KEEP_VERSIONS = f"""
    INSERT INTO bill_versions (bill_id, version, bill_file_id, {_CONTENT})
    SELECT bills.id, bills.version, bills.bill_file_id, {_CONTENT}
    FROM bills JOIN judged ON judged.bill_id = bills.id WHERE judged.outcome = 'amended'
"""  # noqa: S608 - the column names above

_AMEND = f"""
    UPDATE bills SET version = bills.version + 1, bill_file_id = :bill_file_id,
        {", ".join(f"{column} = contested.{column}" for column in _CONTENT_COLUMNS)}
    FROM judged JOIN contested USING (row)
    WHERE bills.id = judged.bill_id AND judged.outcome = 'amended'
"""  # noqa: S608 - the column names above

_KEEP_REFUSED = """
    INSERT INTO refused_rows (bill_file_id, row, bill_number, reason)
    SELECT :bill_file_id, refused.* FROM (
        SELECT row, coalesce(bill_number, ''), reason FROM staged WHERE reason IS NOT NULL
        UNION ALL
        SELECT row, bill_number, outcome FROM judged WHERE outcome NOT IN ('unchanged', 'amended')
    ) AS refused
"""

_COUNT = """
    SELECT (SELECT count(*) FROM staged) AS rows,
        (SELECT count(*) FROM judged WHERE outcome = 'unchanged') AS unchanged,
        (SELECT count(*) FROM judged WHERE outcome = 'amended') AS amended,
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
    for statement in (_INSERT_NEW, _LOCK_DIFFERING, _JUDGE, _KEEP_VERSIONS, _AMEND, _KEEP_REFUSED):
        await tx.execute(text(statement), {name: parameters[name] for name in parameters if f":{name}" in statement})
    count = (await tx.execute(text(_COUNT), {"bill_file_id": bill_file_id})).one()
    accepted = count.rows - count.unchanged - count.amended - count.refused
    return Counts(count.rows, accepted, count.unchanged, count.amended, count.refused)
