"""Staging of rows on their way into bills: copied in, and ranked among rows with the same bill number.

The staging tables are temporary: they write no WAL, and their rows are dropped when the transaction ends, either
way. The tables themselves stay with their connection for the next upload.
"""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.invariants import InvariantBrokenError
from svc_payments.billing.bills.reasons import Reason
from svc_payments.billing.bills.validation import COLUMNS, CheckedRow

LONGEST_KEPT_NUMBER = 40
# Values go to PostgreSQL exactly as the file has them.
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_CREATE = (
    # The id is the one a bill will have.
    """
    CREATE TEMPORARY TABLE IF NOT EXISTS staged (
        row integer, bill_number text, account_number text, period date, usage numeric(12, 3), amount_fen bigint,
        due_date date, meter_from numeric(12, 3), meter_to numeric(12, 3), expires_on date, supersedes text,
        reason text, customer_class text, unit text, tariff_id uuid, meter_digits smallint,
        usage_details text, note text, fault text,
        id uuid DEFAULT uuidv7()
    ) ON COMMIT DELETE ROWS
    """,
    # The rows without fault: the bill that has their number already, their place among the rows with that number, the
    # bill they want to supersede, and what becomes of them; of those that become bills nothing is said.
    """
    CREATE TEMPORARY TABLE IF NOT EXISTS claims (
        LIKE staged, known_id uuid, place bigint, old_id uuid, outcome text, other_number text
    ) ON COMMIT DELETE ROWS
    """,
    # For the sorts and hashes over the file's rows; the default of 4 MB would spill them.
    "SET LOCAL work_mem = '64MB'",
)

_CLAIM = """
    INSERT INTO claims
    SELECT staged.*, bill_numbers.bill_id, row_number() OVER (PARTITION BY staged.bill_number ORDER BY row)
    FROM staged LEFT JOIN bill_numbers
        ON bill_numbers.provider_id = :provider_id AND bill_numbers.bill_number = staged.bill_number
    WHERE fault IS NULL
"""

_CLAIMED = """
    SELECT coalesce(bool_or(known_id IS NOT NULL), false), coalesce(bool_or(supersedes IS NOT NULL), false),
        coalesce(bool_or(place > 1), false), coalesce(bool_or(tariff_id IS NOT NULL), false)
    FROM claims
"""


def staged_columns(names: Sequence[str]) -> tuple[str, ...]:
    """What is staged of a table with columns of these names."""
    more = len(names) > len(COLUMNS)
    return ("row", *(CheckedRow._fields if more else CheckedRow._fields[: len(COLUMNS)]), "fault")


def staged_line(row: int, result: CheckedRow | Reason, number: str, width: int) -> str:
    """One row for the staging table of that many columns; of one with a fault only its number is kept."""
    if isinstance(result, CheckedRow):
        *values, note = result
        return "\t".join([str(row), *[*values, note.translate(_ESCAPED)][: width - 2], "\n"])
    kept = number.strip(" \t")[:LONGEST_KEPT_NUMBER].translate(_ESCAPED)
    nothing = "\t" * (width - 2)
    return f"{row}\t{kept}{nothing}{result}\n"


async def stage(tx: AsyncSession, columns: Sequence[str], blocks: AsyncIterator[bytes]) -> None:
    """Copy rows into this transaction's temporary staging table, which blocks no other transaction."""
    for statement in _CREATE:
        await tx.execute(text(statement))
    raw = (await (await tx.connection()).get_raw_connection()).driver_connection
    if raw is None:
        raise InvariantBrokenError("the pool returned a dead connection")
    await raw.copy_to_table("staged", source=blocks, columns=columns, null="", schema_name="pg_temp")


async def one_at_a_time(tx: AsyncSession, provider_id: UUID) -> None:
    """Serialise intakes of one provider until the transaction ends."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"bill files of {provider_id}", 0))))


class Claimed(NamedTuple):
    """Claims other than new bills with a number of their own."""

    known: bool
    """Rows with a bill number that the provider has used before."""
    superseding: bool
    """Rows that supersede another bill."""
    repeated: bool
    """Rows with the number of a row before them."""
    stating: bool
    """Rows that state a tariff by its id."""


async def claim(tx: AsyncSession, provider_id: UUID) -> Claimed:
    """Compare the staged rows with the provider's numbers and with each other."""
    await tx.execute(text(_CLAIM), {"provider_id": provider_id})
    claimed = Claimed(*(await tx.execute(text(_CLAIMED))).one())
    if any(claimed):
        await tx.execute(text("ANALYZE claims"))
    return claimed
