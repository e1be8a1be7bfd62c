"""Random changes of the database and of the store of anchors, made as their owner with the triggers off."""

import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

_WHOLE = (
    *("audit_records", "manual_actions", "settlements", "transfer_files", "second_transactions", "till_sessions"),
    *("till_payments", "till_payouts", "till_counts", "receipts", "settlement_lines", "ledger_entries"),
    *("ledger_transfers", "ledger_links", "ledger_facts", "ledger_anchors", "audit_seals", "audit_links"),
    "audit_anchors",
)
"""Tables of which every column is proven."""
_PARTLY = {
    # What the polls of a worker keep for themselves is no fact of money.
    "refunds": {"asked", "ask_at"},
    "payments": {"completed_at"},
    "payment_attempts": {"asked", "ask_at", "pay_url", "pay_parameters"},
    "payment_lines": {"released_at"},
    "postings": {"tries", "try_at", "refusal", "prepaid_kind", "prepaid_token", "prepaid_state", "given_up_at"}
    | {"settled_at"},
    "ledger_accounts": {"created_at"},
}
"""Tables with the columns that are not proven."""
_OF_BILLS = ("paid_fen", "booked_fen", "late_fee_fen")
# Before its capture a payment is no money; its bills and its amount follow from its lines all the same.
_ROWS = {
    "payments": "captured_at IS NOT NULL",
    "payment_attempts": "transaction_id IS NOT NULL",
    "payment_lines": "payment_id IN (SELECT payment_id FROM receipts)",
    "postings": "provider_reference IS NOT NULL",
    "bills": "paid_fen > 0",
}
# A line is named by its settlement too, of which it is a part.
_ALSO = {"settlement_lines": ("settlement_id",)}
TABLES = (*_WHOLE, *_PARTLY, "bills")
_OTHER = {
    "uuid": "uuidv7()",
    "text": "coalesce({0}, '') || 'x'",
    "bigint": "coalesce({0}, 0) + {1}",
    "integer": "coalesce({0}, 0) + {1}",
    "smallint": "3 - {0}",
    "boolean": "NOT {0}",
    "timestamp with time zone": "coalesce({0}, now()) - make_interval(days => {1})",
    "date": "{0} - {1}",
    "jsonb": "jsonb_build_object('forged', {1}, 'was', {0})",
    "bytea": "sha256({0})",
}
_OF_CHAINS = {
    "ledger": ("Link ", "Links ", "Entry ", "Transfer ", "Account ", "The anchor of link ", "ledger_", "All entries"),
    # A seal is named by its link, its position, or the row that it seals.
    "audit": ("audit_", "anchors/", *TABLES),
}
COLUMNS = """
    SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'
    ORDER BY table_name, ordinal_position
"""
KEYS = """
    SELECT relname, array_agg(attname ORDER BY attname) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) WHERE indisprimary GROUP BY relname
"""
UNLOCK = """
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


@dataclass(frozen=True)
class Change:
    """What was changed, and the keys of the rows concerned."""

    table: str
    what: str
    keys: Sequence[str] = ()

    def is_named_in(self, finding: str) -> bool:
        """Whether a finding points at it: by table and row, or by the link of the chain that holds it."""
        if self.table.startswith(("ledger_", "audit_links", "audit_seals", "audit_anchors")):
            return finding.startswith(_OF_CHAINS[self.table.partition("_")[0]])
        named = self.table.removesuffix("_lines") if self.table == "settlement_lines" else self.table
        return finding.lower().startswith(named.removesuffix("s")) and any(key in finding for key in self.keys)


@dataclass
class Tampering:
    """One seeded source of changes."""

    tx: AsyncSession
    seed: int
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - reproducible, not secret

    async def look(self) -> None:
        for table, column, kind in await self.tx.execute(text(COLUMNS)):
            self.columns.setdefault(table, {})[column] = kind
        self.keys = {table: list(columns) for table, columns in await self.tx.execute(text(KEYS))}

    def kinds(self) -> Sequence[Callable[[], Awaitable[Change | None]]]:
        return [
            *[self.update] * 10,
            *[self.delete] * 3,
            *[self.insert] * 2,
            *[self.swap] * 3,
            self.cut,
            self.cut_ledger,
        ]

    async def any(self) -> Change:
        """Change something."""
        while True:
            # A key that there is already is refused by the database itself.
            with contextlib.suppress(IntegrityError):
                async with self.tx.begin_nested():
                    if change := await self.random.choice(self.kinds())():
                        return change

    def _proven(self, table: str) -> list[str]:
        if table == "bills":
            return list(_OF_BILLS)
        return [column for column in self.columns[table] if column not in _PARTLY.get(table, ())]

    def _table(self, *without: str) -> str:
        return self.random.choice([table for table in TABLES if table not in without])

    async def _row(self, table: str, count: int = 1) -> list[str]:
        """Some rows, by their place."""
        place = _place(table)
        found = await self.tx.scalars(
            text(f"SELECT {place}::text FROM {table} WHERE {_ROWS.get(table, 'true')} ORDER BY 1")  # noqa: S608
        )
        rows = list(found)
        return self.random.sample(rows, count) if len(rows) >= count else []

    async def update(self) -> Change | None:
        table = self._table()
        column = self.random.choice(self._proven(table))
        if not (rows := await self._row(table)):
            return None
        other = _OTHER[self.columns[table][column]].format(column, self.random.randint(1, 400))
        changed = f"UPDATE {table} SET {column} = {other} WHERE {_place(table)} = '{rows[0]}' RETURNING 1"  # noqa: S608
        return await self._done(changed, table, rows)

    async def delete(self) -> Change | None:
        table = self._table("bills")
        if not (rows := await self._row(table)):
            return None
        return await self._done(f"DELETE FROM {table} WHERE ctid = '{rows[0]}' RETURNING 1", table, rows)  # noqa: S608

    async def insert(self) -> Change | None:
        table = self._table("bills", "payment_lines")
        if not (rows := await self._row(table)):
            return None
        keys = ", ".join(
            f"'{key}', {'uuidv7()' if self.columns[table][key] == 'uuid' else f'{key} + 100000'}"
            for key in self.keys[table]
        )
        copied = (
            f"INSERT INTO {table} SELECT copy.* FROM {table} AS row CROSS JOIN LATERAL "  # noqa: S608
            f"jsonb_populate_record(row, jsonb_build_object({keys})) AS copy WHERE row.ctid = '{rows[0]}' "
            f"RETURNING {self.keys[table][0]}"
        )
        return await self._done(copied, table, rows)

    async def swap(self) -> Change | None:
        """Swap the values of a column, or of all columns but the key, between two rows."""
        table = self._table()
        if not (rows := await self._row(table, 2)):
            return None
        free = [column for column in self._proven(table) if column not in self.keys[table]]
        if not free:
            return None
        columns = free if self.random.random() < 0.5 and table != "bills" else [self.random.choice(free)]
        listed, place = ", ".join(columns), _place(table)
        differ = await self.tx.scalar(
            text(
                f"SELECT one.content <> other.content FROM "  # noqa: S608
                f"(SELECT to_jsonb(ROW({listed})) AS content FROM {table} WHERE {place} = '{rows[0]}') AS one, "
                f"(SELECT to_jsonb(ROW({listed})) AS content FROM {table} WHERE {place} = '{rows[1]}') AS other"
            )
        )
        if not differ:
            return None
        sets = ", ".join(f"{column} = other.{column}" for column in columns)
        swapped = (
            f"UPDATE {table} AS target SET {sets} FROM {table} AS other WHERE (target.{place}, other.{place}) IN "  # noqa: S608
            f"(('{rows[0]}', '{rows[1]}'), ('{rows[1]}', '{rows[0]}')) RETURNING 1"
        )
        return await self._done(swapped, table, rows)

    async def cut(self) -> Change | None:
        """Cut the tail of the trail, with its seals and the rows that they sealed."""
        last = await self.tx.scalar(text("SELECT max(number) FROM audit_links")) or 0
        kept = last - self.random.randint(1, min(20, last))
        sealed = f"SELECT batch FROM audit_links WHERE number > {kept}"  # noqa: S608
        await self.tx.execute(
            text(
                "DELETE FROM audit_records WHERE id::text IN (SELECT row_key FROM audit_seals WHERE table_name = "  # noqa: S608
                f"'audit_records' AND batch IN ({sealed}))"
            )
        )
        await self.tx.execute(text(f"DELETE FROM audit_seals WHERE batch IN ({sealed})"))  # noqa: S608
        return await self._done(f"DELETE FROM audit_links WHERE number > {kept} RETURNING 1", "audit_links", [])  # noqa: S608

    async def cut_ledger(self) -> Change | None:
        """Cut the tail of the ledger, with its entries, transfers and facts, and correct the balances."""
        last = await self.tx.scalar(text("SELECT max(number) FROM ledger_links")) or 0
        kept = last - self.random.randint(1, min(10, last))
        position = await self.tx.scalar(text(f"SELECT last_position FROM ledger_links WHERE number = {kept}")) or 0  # noqa: S608
        for statement in (
            f"DELETE FROM ledger_facts WHERE position > {position}",  # noqa: S608
            f"DELETE FROM ledger_entries WHERE position > {position}",  # noqa: S608
            "DELETE FROM ledger_transfers WHERE id NOT IN (SELECT transfer_id FROM ledger_entries)",
            "DELETE FROM ledger_accounts WHERE id NOT IN (SELECT account_id FROM ledger_entries)",
            (
                "UPDATE ledger_accounts SET debit_fen = moved.debit, credit_fen = moved.credit FROM "
                "(SELECT account_id, sum(greatest(amount_fen, 0)) AS debit, sum(greatest(-amount_fen, 0)) AS "
                "credit FROM ledger_entries GROUP BY account_id) AS moved WHERE account_id = id"
            ),
        ):
            await self.tx.execute(text(statement))
        return await self._done(f"DELETE FROM ledger_links WHERE number > {kept} RETURNING 1", "ledger_links", [])  # noqa: S608

    async def _done(self, statement: str, table: str, rows: Sequence[str]) -> Change | None:
        keys = await self._keys(table, rows)
        done = (await self.tx.execute(text(statement.replace(":", "\\:")))).all()
        # An inserted row has a key of its own.
        keys += [str(row[0]) for row in done] if statement.startswith("INSERT") else []
        return Change(table, statement, keys) if done else None

    async def _keys(self, table: str, rows: Sequence[str]) -> list[str]:
        named = ", ".join(f"{column}::text" for column in [*self.keys[table], *_ALSO.get(table, ())])
        listed = ", ".join(f"'{row}'" for row in rows) or "NULL"
        found = text(f"SELECT {named} FROM {table} WHERE {_place(table)}::text IN ({listed})".replace(":", "\\:"))  # noqa: S608
        return [key for row in await self.tx.execute(found) for key in row if key]


def _place(table: str) -> str:
    """What finds a row: its place, or its key where a table has parts."""
    return "id" if table == "bills" else "ctid"
