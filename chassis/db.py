"""PostgreSQL: engine, metadata, the transaction of a request, migrations and starter data.

One request or one consumed message is one transaction. It is committed here, at the edge, never in code below.
"""

import csv
import importlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast
from zoneinfo import ZoneInfo

import asyncpg
import uuid_utils.compat
from fastapi import Depends, Request
from sqlalchemy import (
    URL,
    CheckConstraint,
    DateTime,
    MetaData,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from chassis.settings import ServiceSettings, load

new_id = uuid_utils.compat.uuid7
"""Every id is a UUIDv7: unique without a round trip, and ordered by time."""

Timestamp = DateTime(timezone=True)

CHINA = ZoneInfo("Asia/Shanghai")
"""Civil time in all of China, including Xinjiang; days begin and end by it."""

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

chassis_metadata = MetaData(naming_convention=NAMING_CONVENTION)
"""Tables every service has: outbox, inbox, dead letters, idempotency keys."""


def now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


def service_metadata() -> MetaData:
    """Metadata for one service's tables, with its own copies of the chassis tables."""
    for module in ("outbox", "inbox", "idempotency"):
        importlib.import_module(f"chassis.{module}")
    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    for table in chassis_metadata.tables.values():
        table.to_metadata(metadata)
    return metadata


def one_of(column: str, values: Iterable[StrEnum]) -> CheckConstraint:
    """A CHECK constraint that restricts a text column to an enumeration."""
    return CheckConstraint(f"{column} IN ({', '.join(repr(value.value) for value in values)})", name=column)


_IS_MORE_THAN_USER = """
SELECT rolsuper OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid AND relnamespace = 'public'::regnamespace)
FROM pg_roles WHERE rolname = current_user
"""


class Database:
    """The engine of one service and the sessions made from it."""

    def __init__(self, url: URL, *, pool_size: int = 10) -> None:
        # Parameters hold personal data, and errors reach logs, some of which our own logging does not control.
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            pool_recycle=1800,
            hide_parameters=True,
        )
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @classmethod
    def of(cls, settings: ServiceSettings) -> "Database":
        return cls(settings.database, pool_size=settings.database_pool_size)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        async with self.sessions.begin() as tx:
            yield tx

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A consistent snapshot in which PostgreSQL refuses writes."""
        async with self.sessions() as tx:
            await tx.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
            yield tx

    async def require_mere_user(self) -> None:
        """End the process where its role could switch the database's own rules off.

        A database that does not answer yet is not asked again: no role of another kind comes with its restart.
        """
        try:
            async with self.read() as tx:
                is_more = await tx.scalar(text(_IS_MORE_THAN_USER))
        except Exception as error:
            if not is_connection_lost(error):
                raise
            return
        if is_more:
            raise SystemExit(
                "MYILI_DATABASE_URL names a role that owns tables or is a superuser. Run `python -m chassis.migrations "
                "upgrade` as an administrator, and give the service the role that it makes, such as myili_payments."
            )

    async def close(self) -> None:
        await self.engine.dispose()


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


Transactions = Annotated[Database, Depends(_database)]
"""For endpoints that call an outside system between two transactions."""


async def transaction(database: Transactions) -> AsyncIterator[AsyncSession]:
    async with database.transaction() as tx:
        yield tx


async def read_transaction(database: Transactions) -> AsyncIterator[AsyncSession]:
    async with database.read() as tx:
        yield tx


# scope="function" commits before the response starts: FastAPI's default commits after it, so that a client
# could see 200 for a commit that then fails.
Tx = Annotated[AsyncSession, Depends(transaction, scope="function")]
ReadTx = Annotated[AsyncSession, Depends(read_transaction, scope="function")]


def is_connection_lost(error: BaseException) -> bool:
    """Whether an error means a lost connection to the database, so that a retry is right.

    asyncpg raises InternalClientError, neither PostgresError nor InterfaceError, when the server dies mid-query.
    """
    original = getattr(error, "orig", None) or error
    causes = (original, original.__cause__) if isinstance(original, BaseException) else ()
    return any(
        isinstance(
            cause,
            OSError
            | asyncpg.PostgresConnectionError
            | asyncpg.InterfaceError
            | asyncpg.InternalClientError
            | asyncpg.OperatorInterventionError
            | asyncpg.CannotConnectNowError
            | asyncpg.TooManyConnectionsError,
        )
        for cause in causes
    )


async def upsert_csv(tx: AsyncSession, model: type[DeclarativeBase], path: Path) -> int:
    """Load a CSV whose header names columns of the model; existing rows are updated.

    Returns the number of rows in the file.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows: list[dict[str, str | None]] = [
            {column: value or None for column, value in row.items()} for row in csv.DictReader(file)
        ]
    table = cast("Table", model.__table__)  # every mapped class here has a table
    keys = list(table.primary_key.columns)
    statement = insert(table).values(rows)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in {key.name for key in keys}}
    await tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))
    return len(rows)


def settings_of(package: str) -> ServiceSettings:
    """The settings of a service package, from its `settings.py`."""
    module = importlib.import_module(f"{package}.settings")
    settings: ServiceSettings = load(module.Settings)
    return settings
