"""Random changes of a trail and of what it seals, made as the tables' owner with the triggers off."""

import contextlib
import random
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from kit.audit.sealing import ROW, SealedTable

CHAIN = ("audit_seals", "audit_links", "audit_anchors")
_OTHER = {
    "uuid": "uuidv7()",
    "text": "coalesce({0}, '') || 'x'",
    "bigint": "coalesce({0}, 0) + {1}",
    "integer": "coalesce({0}, 0) + {1}",
    "smallint": "3 - {0}",
    "boolean": "NOT {0}",
    "timestamp with time zone": "coalesce({0}, now()) - make_interval(days => {1})",
    "date": "coalesce({0}, current_date) - {1}",
    "jsonb": "jsonb_build_object('forged', {1}, 'was', {0})",
    "bytea": "sha256(coalesce({0}, ''))",
    "ARRAY": "array_append({0}, NULL)",
}
_TIMES = {"timestamp with time zone", "date"}
_COLUMNS = """
    SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'
    ORDER BY table_name, ordinal_position
"""
_KEYS = """
    SELECT relname, array_agg(attname ORDER BY attname) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) WHERE indisprimary GROUP BY relname
"""
_TAIL = "SELECT batch FROM audit_links WHERE number > {0}"


@dataclass(frozen=True)
class Change:
    """What was changed, and the keys of the rows concerned."""

    table: str
    what: str
    keys: Sequence[str] = ()


class Tampering:
    """One seeded source of changes."""

    kept: ClassVar[Collection[str]] = ()
    """Tables that no row is deleted from."""
    not_copied: ClassVar[Collection[str]] = ()
    """Tables that no row is inserted into."""

    def __init__(
        self,
        tx: AsyncSession,
        seed: int,
        sealed: Sequence[SealedTable],
        unproven: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """`unproven` names the columns of tables that are not sealed."""
        self.tx = tx
        self.random = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.sealed = {table.name: table for table in sealed}
        self.tables: tuple[str, ...] = (*self.sealed, *CHAIN)
        self.unproven = unproven or {}
        self.columns: dict[str, dict[str, str]] = {}
        self.keys: dict[str, list[str]] = {}

    async def look(self) -> None:
        for table, column, kind in await self.tx.execute(text(_COLUMNS)):
            self.columns.setdefault(table, {})[column] = kind
        self.keys = {table: list(columns) for table, columns in await self.tx.execute(text(_KEYS))}

    def kinds(self) -> Sequence[Callable[[], Awaitable[Change | None]]]:
        return [
            *[self.update] * 10,
            *[self.redate] * 3,
            *[self.delete] * 3,
            *[self.insert] * 2,
            *[self.swap] * 3,
            *[self.rewrite] * 2,
            self.cut,
        ]

    async def any(self) -> Change:
        """Change something."""
        while True:
            # A key that there is already is refused by the database itself.
            with contextlib.suppress(IntegrityError):
                async with self.tx.begin_nested():
                    if change := await self.random.choice(self.kinds())():
                        return change

    def is_named(self, change: Change, finding: str) -> bool:
        """Whether a finding points at a change: by table and row, or by the part of the trail that holds it."""
        if change.table in CHAIN:
            return finding.startswith(("audit_", "anchors/", *self.tables))
        return any(finding.startswith(f"{change.table} {key}:") for key in change.keys)

    def key_of(self, table: str) -> str:
        """SQL for what identifies a row under the alias of sealed rows."""
        if table in self.sealed:
            return self.sealed[table].key
        return f"concat_ws(' ', {', '.join(f'{ROW}.{column}' for column in self.keys[table])})"

    def place_of(self, table: str) -> str:  # noqa: ARG002 - of one kind of tables it is another
        """The column that finds a row."""
        return "ctid"

    def rows_of(self, table: str) -> str:  # noqa: ARG002 - of some tables only a part is proven
        """The condition of rows that are proven."""
        return "true"

    def proven(self, table: str) -> list[str]:
        return [column for column in self.columns[table] if column not in self.unproven.get(table, ())]

    def _table(self, *without: str) -> str:
        return self.random.choice([table for table in self.tables if table not in without])

    def _other(self, table: str, column: str) -> str:
        return _OTHER[self.columns[table][column]].format(column, self.random.randint(1, 400))

    async def _row(self, table: str, count: int = 1) -> list[str]:
        """Some rows, by their place."""
        place = self.place_of(table)
        found = await self.tx.scalars(
            text(f"SELECT {place}::text FROM {table} WHERE {self.rows_of(table)} ORDER BY 1")  # noqa: S608
        )
        rows = list(found)
        return self.random.sample(rows, count) if len(rows) >= count else []

    async def update(self) -> Change | None:
        return await self._update(self._table(), set(_OTHER))

    async def redate(self) -> Change | None:
        return await self._update(self._table(), _TIMES)

    async def _update(self, table: str, kinds: Collection[str]) -> Change | None:
        columns = [column for column in self.proven(table) if self.columns[table][column] in kinds]
        if not columns or not (rows := await self._row(table)):
            return None
        column = self.random.choice(columns)
        changed = f"{column} = {self._other(table, column)} WHERE {self.place_of(table)} = '{rows[0]}' RETURNING 1"
        return await self._done(f"UPDATE {table} SET {changed}", table, rows)  # noqa: S608

    async def delete(self) -> Change | None:
        table = self._table(*self.kept)
        if not (rows := await self._row(table)):
            return None
        return await self._done(f"DELETE FROM {table} WHERE ctid = '{rows[0]}' RETURNING 1", table, rows)  # noqa: S608

    async def insert(self) -> Change | None:
        table = self._table(*self.not_copied)
        if not (rows := await self._row(table)):
            return None
        keys = ", ".join(f"'{key}', {self._new_key(table, key)}" for key in self.keys[table])
        copied = (
            f"INSERT INTO {table} AS {ROW} SELECT copy.* FROM {table} AS row CROSS JOIN LATERAL "  # noqa: S608
            f"jsonb_populate_record(row, jsonb_build_object({keys})) AS copy WHERE row.ctid = '{rows[0]}' "
            f"RETURNING {self.key_of(table)}"
        )
        return await self._done(copied, table, rows)

    def _new_key(self, table: str, key: str) -> str:
        return {"uuid": "uuidv7()", "text": f"{key} || 'x'"}.get(self.columns[table][key], f"{key} + 100000")

    async def swap(self) -> Change | None:
        """Swap the values of a column, or of all columns but the key, between two rows."""
        table = self._table()
        if not (rows := await self._row(table, 2)):
            return None
        free = [column for column in self.proven(table) if column not in self.keys[table]]
        if not free:
            return None
        columns = free if self.random.random() < 0.5 and table not in self.kept else [self.random.choice(free)]
        listed, place = ", ".join(columns), self.place_of(table)
        one, other = (
            f"(SELECT to_jsonb(ROW({listed})) FROM {table} WHERE {place} = '{row}')"  # noqa: S608
            for row in rows
        )
        if not await self.tx.scalar(text(f"SELECT {one} <> {other}")):
            return None
        sets = ", ".join(f"{column} = other.{column}" for column in columns)
        swapped = (
            f"UPDATE {table} AS target SET {sets} FROM {table} AS other WHERE (target.{place}, other.{place}) IN "  # noqa: S608
            f"(('{rows[0]}', '{rows[1]}'), ('{rows[1]}', '{rows[0]}')) RETURNING 1"
        )
        return await self._done(swapped, table, rows)

    async def rewrite(self) -> Change | None:
        """Change a row and its last seal alike, and compute all later links anew: only the anchors contradict."""
        table = self.sealed[self.random.choice(sorted(self.sealed))]
        column = self.random.choice(self.proven(table.name))
        if column in self.keys[table.name] or not (rows := await self._row(table.name)):
            return None
        (key,) = await self._keys(table.name, rows)
        changed = f"UPDATE {table.name} SET {column} = {self._other(table.name, column)} WHERE ctid = '{rows[0]}'"  # noqa: S608
        await self.tx.execute(text(changed.replace(":", "\\:")))
        of_row = f"table_name = '{table.name}' AND row_key = '{key}'"
        content = f"(SELECT {table.content} FROM {table.name} AS {ROW} WHERE {table.key} = '{key}')"  # noqa: S608
        sealed = (
            f"UPDATE audit_seals SET content = {content} WHERE {of_row} AND position = "  # noqa: S608
            f"(SELECT max(position) FROM audit_seals WHERE {of_row}) RETURNING batch"
        )
        batch = await self.tx.scalar(text(sealed.replace(":", "\\:")))
        first = await self.tx.scalar(text(f"SELECT number FROM audit_links WHERE batch = '{batch}'"))  # noqa: S608
        cut = f"DELETE FROM audit_links WHERE number >= {first} RETURNING number, batch"  # noqa: S608
        for _, again in sorted((await self.tx.execute(text(cut))).all()):
            await self.tx.execute(text(f"SELECT link_audit_batch('{again}')"))
        return Change("audit_links", f"{changed}, sealed and linked anew")

    async def cut(self) -> Change | None:
        """Cut the tail of the trail, with its seals and the rows that it sealed first."""
        last = await self.tx.scalar(text("SELECT max(number) FROM audit_links")) or 0
        kept = last - self.random.randint(1, min(20, last))
        cut = _TAIL.format(kept)
        for table in self.sealed.values():
            of_table = f"SELECT row_key FROM audit_seals WHERE table_name = '{table.name}' AND batch"  # noqa: S608
            removed = (
                f"DELETE FROM {table.name} AS {ROW} WHERE {table.key} IN ({of_table} IN ({cut})) "  # noqa: S608
                f"AND {table.key} NOT IN ({of_table} NOT IN ({cut}))"
            )
            await self.tx.execute(text(removed.replace(":", "\\:")))
        await self.tx.execute(text(f"DELETE FROM audit_seals WHERE batch IN ({cut})"))  # noqa: S608
        return await self._done(f"DELETE FROM audit_links WHERE number > {kept} RETURNING 1", "audit_links", [])  # noqa: S608

    async def _done(self, statement: str, table: str, rows: Sequence[str]) -> Change | None:
        keys = await self._keys(table, rows)
        done = (await self.tx.execute(text(statement.replace(":", "\\:")))).all()
        # An inserted row has a key of its own.
        keys += [str(row[0]) for row in done] if statement.startswith("INSERT") else []
        return Change(table, statement, keys) if done else None

    async def _keys(self, table: str, rows: Sequence[str]) -> list[str]:
        listed = ", ".join(f"'{row}'" for row in rows) or "NULL"
        named = f"SELECT {self.key_of(table)} FROM {table} AS {ROW} WHERE {self.place_of(table)}::text IN ({listed})"  # noqa: S608
        return [str(key) for key in await self.tx.scalars(text(named.replace(":", "\\:")))]
