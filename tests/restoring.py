"""Databases that serve one test after another: emptied where that is all there is to take back, else dropped.

Cloning and dropping a database costs the server some 80 ms, and every new connection to it 10 ms more. A test that
has only written to tables that were empty leaves nothing but rows to delete, and the connections of its pools can serve
the next test. Whatever else it did - starter data, triggers, rights, something still at work - ends the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import asyncpg
from sqlalchemy import URL

_FEW_BYTES = 4 * 1024 * 1024
_CATALOGS = (
    *("pg_attribute", "pg_attrdef", "pg_constraint", "pg_trigger", "pg_proc", "pg_index", "pg_namespace", "pg_type"),
    *("pg_policy", "pg_rewrite", "pg_event_trigger", "pg_extension", "pg_default_acl", "pg_largeobject_metadata"),
)
# Of pg_class only what VACUUM leaves alone.
_RELATIONS = """
    SELECT 'pg_class', md5(string_agg(concat_ws(' ', oid, relname, relowner, relacl, reloptions), ',' ORDER BY oid)), 0
    FROM pg_class WHERE relkind <> 'i' AND relnamespace <> 'pg_toast'::regnamespace
"""
_WRITTEN = """
    SELECT oid::regclass::text AS name, pg_total_relation_size(oid) AS size FROM pg_class
    WHERE relkind = 'r' AND pg_relation_size(oid) > 0
      AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
"""
_AT_WORK = """
    SELECT count(*) FILTER (WHERE state <> 'idle') AS busy, count(*) AS present,
           (SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
            WHERE locktype = 'advisory' AND datname = current_database()) AS locks
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_FROM_THE_START = "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"


@dataclass(frozen=True)
class Restorable:
    """A clone, and how its tables and rights were defined when it was made."""

    url: URL
    """As the role of the service."""
    connection: asyncpg.Connection
    """The administrator's."""
    first_transaction: int
    filled: Sequence[str]
    """The tables with rows of the template."""
    definitions: Sequence[asyncpg.Record]

    @classmethod
    async def of(cls, url: URL, administrator: URL) -> Self:
        """Look at a new clone, before anything has written to it."""
        plain = administrator.set(drivername="postgresql", database=url.database)
        connection = await asyncpg.connect(plain.render_as_string(hide_password=False))
        first = await connection.fetchval("SELECT pg_current_xact_id()::text::bigint")
        filled = [table["name"] for table in await connection.fetch(_WRITTEN)]
        return cls(url, connection, first, filled, await _definitions(connection, first, filled))

    async def restored(self, pooled: int) -> bool:
        """Whether what a test wrote has been taken back; if not, this database has to be dropped.

        Args:
            pooled: how many connections are kept for the next test. Any other belongs to something still at work.
        """
        try:
            at_work = await self.connection.fetchrow(_AT_WORK)
            if not at_work or at_work["busy"] or at_work["locks"] or at_work["present"] != pooled:
                return False
            written = [table for table in await self.connection.fetch(_WRITTEN) if table["name"] not in self.filled]
            if sum(table["size"] for table in written) > _FEW_BYTES:
                return False
            await self._empty([table["name"] for table in written])
            return await _definitions(self.connection, self.first_transaction, self.filled) == self.definitions
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return False

    async def _empty(self, tables: Sequence[str]) -> None:
        """Delete all rows, whatever refers to them; a vacuum then gives the tables back the order of new ones."""
        async with self.connection.transaction():
            await self.connection.execute("SET LOCAL session_replication_role = replica")
            for table in tables:
                await self.connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the name of a table
            await self.connection.execute(_FROM_THE_START)
        if tables:
            await self.connection.execute(f"VACUUM (SKIP_DATABASE_STATS) {', '.join(tables)}")


async def _definitions(
    connection: asyncpg.Connection, first_transaction: int, filled: Sequence[str]
) -> Sequence[asyncpg.Record]:
    """The number of rows, and how many are new, of the catalogs and of the tables that the template filled."""
    counted = [
        f"SELECT '{table}', count(*)::text, count(*) FILTER (WHERE xmin::text::bigint >= $1) FROM {table}"  # noqa: S608 - names of tables
        for table in (*_CATALOGS, *filled)
    ]
    found: Sequence[asyncpg.Record] = await connection.fetch(
        " UNION ALL ".join([*counted, _RELATIONS]), first_transaction
    )
    return found
