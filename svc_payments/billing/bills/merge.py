"""Merges staged rows into bills: new bills, amendments or refusals, set by set, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit
from svc_payments.billing.bills import staging
from svc_payments.billing.bills.events import BillAmended, BillSuperseded
from svc_payments.billing.bills.similar import refuse_similar
from svc_payments.billing.bills.stated_tariffs import refuse_tariffs_of_others

_PLAIN_CONTENT = ("account_number", "period", "usage", "amount_fen", "due_date", "meter_from", "meter_to")
_CONTENT = ", ".join([*_PLAIN_CONTENT, "meter_digits", "expires_on"])


def _content_of(table: str, expires_on: str) -> str:
    return f"ROW({', '.join(f'{table}.{column}' for column in _PLAIN_CONTENT)}, {expires_on})"


# A table without an expiry column leaves the expiry of its bills unchanged.
_CLAIMED_EXPIRY = "CASE WHEN :says_expiry THEN claims.expires_on ELSE bills.expires_on END"
_TARIFF = ("customer_class", "unit", "tariff_id")
_SAYS_TARIFF = "num_nonnulls(claims.customer_class, claims.unit, claims.tariff_id) > 0"

_KEEP_OR_SET_TARIFF = ", ".join(
    f"{column} = CASE WHEN {_SAYS_TARIFF} THEN claims.{column} ELSE bills.{column} END" for column in _TARIFF
)


def _tariff_of(table: str) -> str:
    return f"ROW({', '.join(f'{table}.{column}' for column in _TARIFF)})"


# Digits belong to the readings that they came with.
_METER_DIGITS = """
    CASE WHEN claims.meter_digits IS NULL AND claims.meter_from IS NOT DISTINCT FROM bills.meter_from
        AND claims.meter_to IS NOT DISTINCT FROM bills.meter_to THEN bills.meter_digits ELSE claims.meter_digits END
"""
# So do details of the usage.
_USAGE_DETAILS = """
    CASE WHEN claims.usage_details IS NULL AND (claims.usage, claims.period) = (bills.usage, bills.period)
        THEN bills.usage_details ELSE claims.usage_details END
"""
# Nor does a row without a tariff change that of its bill.
_SAME = (
    f"{_content_of('claims', _CLAIMED_EXPIRY)} IS NOT DISTINCT FROM {_content_of('bills', 'bills.expires_on')}"
    f" AND {_METER_DIGITS} IS NOT DISTINCT FROM bills.meter_digits"
    f" AND {_USAGE_DETAILS} IS NOT DISTINCT FROM bills.usage_details"
    f" AND NOT ({_SAYS_TARIFF} AND {_tariff_of('claims')} IS DISTINCT FROM {_tariff_of('bills')})"
)

_UNCHANGED = f"""
    UPDATE claims SET outcome = 'unchanged' FROM bills
    WHERE bills.id = known_id AND place = 1 AND {_SAME}
        AND (claims.supersedes IS NULL OR claims.supersedes = bills.supersedes)
"""  # noqa: S608 - the column names above

_FIND_SUPERSEDED = """
    UPDATE claims SET old_id = bill_numbers.bill_id FROM bill_numbers
    WHERE bill_numbers.provider_id = :provider_id AND bill_numbers.bill_number = supersedes
        AND known_id IS NULL AND place = 1
"""

# All that may change, in the order of ids like payments, so that the two cannot deadlock.
_LOCK = """
    SELECT count(*) FROM (
        SELECT FROM bills WHERE id IN (
            SELECT known_id FROM claims WHERE outcome IS NULL AND place = 1 AND known_id IS NOT NULL
            UNION SELECT old_id FROM claims WHERE old_id IS NOT NULL
        ) ORDER BY id FOR NO KEY UPDATE
    ) AS locked
"""

_OPEN = "bills.kind = 'regular' AND bills.status = 'due' AND bills.paid_fen = 0"

_REFUSE_AMENDMENTS = f"""
    UPDATE claims SET outcome = CASE
        WHEN bills.kind <> 'regular' THEN 'bill_number_reserved'
        WHEN bills.status IN ('void', 'expired', 'superseded') THEN 'bill_' || bills.status
        WHEN bills.status = 'paying' THEN 'payment_in_progress'
        WHEN bills.status IN ('paid', 'posted') THEN 'bill_already_paid'
        WHEN bills.paid_fen > 0 THEN 'bill_partly_paid'
        ELSE 'superseded_unknown'
    END
    FROM bills
    WHERE bills.id = known_id AND place = 1 AND outcome IS NULL
        AND (NOT ({_OPEN}) OR claims.supersedes IS DISTINCT FROM coalesce(bills.supersedes, claims.supersedes))
"""  # noqa: S608 - the condition above

# A bill is superseded by one bill of the same account, the first that says so.
_REFUSE_SUPERSEDING = f"""
    UPDATE claims SET outcome = CASE
        WHEN judged.account_number = judged.old_account AND judged.kind = 'regular' THEN 'superseded_not_due'
        ELSE 'superseded_unknown'
    END
    FROM (
        SELECT row, claims.account_number, bills.account_number AS old_account, kind,
            {_OPEN} AND row_number() OVER (PARTITION BY old_id ORDER BY row) = 1 AS open
        FROM claims LEFT JOIN bills ON bills.id = old_id
        WHERE claims.supersedes IS NOT NULL AND known_id IS NULL AND place = 1
    ) AS judged
    WHERE judged.row = claims.row
        AND (judged.open AND judged.account_number = judged.old_account) IS NOT TRUE
"""  # noqa: S608 - the condition above

_NEW = f"bill_number, supersedes, usage_details, {_CONTENT}, {', '.join(_TARIFF)}"

_INSERT_NEW = f"""
    INSERT INTO bills (id, provider_id, bill_file_id, {_NEW})
    SELECT id, :provider_id, :bill_file_id, {_NEW}
    FROM claims WHERE known_id IS NULL AND place = 1 AND outcome IS NULL
"""  # noqa: S608 - the column names above

_KEEP_VERSION = f"""
    INSERT INTO bill_versions (bill_id, version, bill_file_id, reason, note, {_CONTENT})
    SELECT id, version, bill_file_id, reason, note, {_CONTENT} FROM changed
"""  # noqa: S608 - the column names above

_AMEND = f"""
    WITH changed AS (
        UPDATE bills SET version = bills.version + 1, bill_file_id = :bill_file_id,
            reason = coalesce(claims.reason, 'not_stated'), note = claims.note, expires_on = {_CLAIMED_EXPIRY},
            meter_digits = {_METER_DIGITS}, usage_details = {_USAGE_DETAILS},
            {", ".join(f"{column} = claims.{column}" for column in _PLAIN_CONTENT)},
            {_KEEP_OR_SET_TARIFF}
        FROM claims WHERE bills.id = known_id AND place = 1 AND outcome IS NULL
        RETURNING old.*
    )
    {_KEEP_VERSION}
"""  # noqa: S608 - the column names above

_SUPERSEDE = f"""
    WITH changed AS (
        UPDATE bills SET version = bills.version + 1, status = 'superseded', superseded_by = claims.id,
            reason = coalesce(claims.reason, 'replaced'), note = claims.note
        FROM claims WHERE bills.id = old_id AND outcome IS NULL
        RETURNING old.*
    )
    {_KEEP_VERSION}
"""  # noqa: S608 - the column names above

_NOTE_AMENDED = "UPDATE claims SET outcome = 'amended' WHERE known_id IS NOT NULL AND place = 1 AND outcome IS NULL"

# A later row with the same number and content gets the outcome of the first row.
_FOLLOW = f"""
    UPDATE claims SET outcome = CASE
        WHEN {_content_of("claims", "claims.supersedes")} IS DISTINCT FROM {_content_of("first", "first.supersedes")}
            OR claims.expires_on IS DISTINCT FROM first.expires_on
            OR (claims.meter_digits, claims.usage_details)
                IS DISTINCT FROM (first.meter_digits, first.usage_details)
            OR {_tariff_of("claims")} IS DISTINCT FROM {_tariff_of("first")} THEN 'duplicate_in_file'
        WHEN first.outcome IS NULL OR first.outcome = 'amended' THEN 'unchanged'
        ELSE first.outcome
    END, other_number = first.other_number
    FROM claims AS first
    WHERE first.bill_number = claims.bill_number AND first.place = 1 AND claims.place > 1
"""  # noqa: S608 - the column names above

_KEEP_REFUSED = """
    INSERT INTO refused_rows (bill_file_id, row, bill_number, reason, other_number)
    SELECT :bill_file_id, refused.* FROM (
        SELECT row, coalesce(bill_number, ''), fault, NULL FROM staged WHERE fault IS NOT NULL
        UNION ALL
        SELECT row, bill_number, outcome, other_number FROM claims WHERE outcome NOT IN ('unchanged', 'amended')
    ) AS refused
"""

_OUTCOMES = """
    SELECT claims.row, coalesce(claims.outcome, 'accepted'),
        coalesce(first.known_id, CASE WHEN first.outcome IS NULL THEN first.id END),
        first.other_number
    FROM claims JOIN claims AS first ON first.bill_number = claims.bill_number AND first.place = 1
"""

_COUNT = """
    SELECT (SELECT count(*) FROM staged) AS rows,
        count(*) FILTER (WHERE outcome IS NULL) AS accepted,
        count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged,
        count(*) FILTER (WHERE outcome = 'amended') AS amended
    FROM claims
"""

_TOLD_AT_ONCE = 1_000

_AMENDED = """
    SELECT bills.id AS bill_id, provider_id, version, bills.reason
    FROM claims JOIN bills ON bills.id = known_id WHERE outcome = 'amended'
"""

_SUPERSEDED = """
    SELECT bills.id AS bill_id, provider_id, version, bills.reason, superseded_by
    FROM claims JOIN bills ON bills.id = old_id WHERE outcome IS NULL
"""

_GROWN = """
    WITH born AS (SELECT row, id FROM claims WHERE known_id IS NULL AND place = 1 AND outcome IS NULL)
    SELECT DISTINCT tableoid::regclass::text FROM bills
    WHERE id IN ((SELECT id FROM born ORDER BY row LIMIT 1), (SELECT id FROM born ORDER BY row DESC LIMIT 1))
        AND (SELECT count(*) FROM born) > (SELECT reltuples FROM pg_class WHERE oid = tableoid) / 10
"""


@dataclass(frozen=True)
class Counts:
    rows: int
    accepted: int
    unchanged: int
    amended: int

    @property
    def refused(self) -> int:
        return self.rows - self.accepted - self.unchanged - self.amended


async def take_in(tx: AsyncSession, provider_id: UUID, bill_file_id: UUID | None, *, says_expiry: bool) -> Counts:
    """Make bills of the staged rows: new ones are inserted, differing ones amended where nothing forbids it.

    Args:
        tx: the transaction the rows were staged in.
        provider_id: the provider, locked by `one_at_a_time`.
        bill_file_id: the file they come from.
        says_expiry: whether the rows have an expiry column.
    """
    values = {"provider_id": provider_id, "bill_file_id": bill_file_id, "says_expiry": says_expiry}
    claimed = await staging.claim(tx, provider_id)
    changing = claimed.known or claimed.superseding
    before = (
        (_UNCHANGED, claimed.known),
        (_FIND_SUPERSEDED, claimed.superseding),
        (_LOCK, changing),
        (_REFUSE_AMENDMENTS, claimed.known),
        (_REFUSE_SUPERSEDING, claimed.superseding),
    )
    after = (
        (_AMEND, claimed.known),
        (_SUPERSEDE, claimed.superseding),
        (_NOTE_AMENDED, claimed.known),
        (_FOLLOW, claimed.repeated),
    )
    # Each scans all rows: those that cannot match are left out.
    await _execute(tx, [statement for statement, needed in before if needed], values)
    if claimed.stating:
        await refuse_tariffs_of_others(tx, provider_id)
    await refuse_similar(tx, provider_id)
    await _execute(tx, [_INSERT_NEW], values)
    await _analyse_what_has_grown(tx)
    await _execute(tx, [statement for statement, needed in after if needed], values)
    if changing:
        await _tell_changes(tx)
    return Counts(*(await tx.execute(text(_COUNT))).one())


class Outcome(NamedTuple):
    """The outcome of a row without faults."""

    row: int
    outcome: str
    """accepted, unchanged, amended, or the reason why it is refused."""
    bill_id: UUID | None
    """The bill that has its number now."""
    other_number: str | None
    """The number under which the bill is known already, if it is refused for that."""


async def outcomes(tx: AsyncSession) -> Sequence[Outcome]:
    """The outcome of each row staged without faults."""
    return [Outcome(*row) for row in await tx.execute(text(_OUTCOMES))]


async def keep_refused(tx: AsyncSession, bill_file_id: UUID) -> None:
    """Keep the refused rows and their reasons."""
    await tx.execute(text(_KEEP_REFUSED), {"bill_file_id": bill_file_id})


async def _tell_changes(tx: AsyncSession) -> None:
    """Emit an event for each bill amended or superseded, in batches, since a file may change a million."""
    async for amended in (await tx.stream(text(_AMENDED))).partitions(_TOLD_AT_ONCE):
        await emit(tx, *(BillAmended(**row._asdict()) for row in amended))
    async for superseded in (await tx.stream(text(_SUPERSEDED))).partitions(_TOLD_AT_ONCE):
        await emit(tx, *(BillSuperseded(**row._asdict()) for row in superseded))


async def _analyse_what_has_grown(tx: AsyncSession) -> None:
    # While a large file goes into a small table, autovacuum may note that the table has thousands of pages and no
    # rows, for none is committed. Joins planned by that note took many minutes, here and in what came next.
    for table in (await tx.scalars(text(_GROWN))).all():
        await tx.execute(text(f"ANALYZE {table}, bill_numbers"))


async def _execute(tx: AsyncSession, statements: Sequence[str], values: dict[str, Any]) -> None:
    for statement in statements:
        await tx.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})
