"""Databases of tests, cloned from a migrated template and used with the rights that the service has.

A clone serves the next test too where all that a test did to it can be taken back (tests/restoring.py).

A service's `tests/<service>/conftest.py` is a few lines:

    template = template_database("svc_payments")
    database = fresh_database()        # commits for real; one clone per test
    owner = owner_database()           # the same one as its administrator
    tx = rolled_back_transaction()     # cheaper: everything is rolled back
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any
from weakref import WeakKeyDictionary

import pytest
import pytest_asyncio
from sqlalchemy import URL, MetaData, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from chassis.migrations import Roles, administrator, grant, open_database, provision, upgrade
from tests.restoring import Restorable
from tests.reuse import engines

_PASSWORD = "of-a-service-under-test"  # noqa: S105 - of a server that lives as long as the tests
_administrators: dict[int, URL] = {}
_idle: dict[URL, list[Restorable]] = {}
"""Of each template its clones that wait for the next test."""
_ends = WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None]]()


def template_database(package: str) -> Any:  # noqa: ANN401 - pytest's fixture type
    """Fixture: the URL of a database migrated to the newest revision, to clone from and never to write to."""

    @pytest.fixture(scope="session")
    def template(postgres_url: str) -> URL:
        url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database=f"template_{package}")
        migrated = upgrade_in_thread(package, url)
        # Every conftest that imports the fixture runs it once more, for the same database.
        _idle.setdefault(migrated, [])
        return migrated

    return template


def upgrade_in_thread(package: str, url: URL) -> URL:
    """Migrate a database as the administrator of its server; returns its URL as the role that the service runs as."""
    url = url.set(drivername="postgresql+asyncpg")
    # Alembic's environment runs its own event loop, and pytest-asyncio already runs one in this thread.
    worker = threading.Thread(target=upgrade, args=(package, url, _PASSWORD))
    worker.start()
    worker.join()
    _administrators[url.port or 0] = url
    return url.set(username=Roles.of(package).runtime, password=_PASSWORD)


async def add_tables(database: Database, metadata: MetaData) -> None:
    """Tables of a test's own, which the service may use and does not own."""
    owner = Database(as_administrator(database.engine.url))
    async with owner.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        for table in metadata.tables:
            await connection.execute(text(f"GRANT ALL ON {table} TO {database.engine.url.username}"))
        await connection.execute(
            text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {database.engine.url.username}")
        )
    await owner.close()


async def made_of(metadata: MetaData, postgres_url: str) -> URL:
    """The URL of a template with these tables, for tests of code that belongs to no service."""
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database=f"template_{new_id().hex}")
    roles = Roles.of("svc_sample")
    await provision(url, roles, _PASSWORD)
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.execute(text(f'SET LOCAL ROLE "{roles.owner}"'))
        await connection.run_sync(metadata.create_all)
    await database.close()
    await grant(url, roles)
    _administrators[url.port or 0] = url
    return url.set(username=roles.runtime, password=_PASSWORD)


def as_administrator(url: URL) -> URL:
    """The same database as the server's administrator, who may do to it what no service can."""
    known = _administrators.get(url.port or 0, url)
    return known.set(database=url.database)


def fresh_database() -> Any:  # noqa: ANN401 - pytest's fixture type
    """Fixture: a Database of the test's own, cloned from `template`; what it commits stays until the test ends."""

    @pytest_asyncio.fixture
    async def database(template: URL) -> AsyncIterator[Database]:
        async with cloned(template) as url:
            database = Database(url)
            yield database
            await database.close()

    return database


def owner_database() -> Any:  # noqa: ANN401 - pytest's fixture type
    """Fixture: the database of the test as its administrator, who may do to it what no service can."""

    @pytest_asyncio.fixture
    async def owner(database: Database) -> AsyncIterator[Database]:
        owner = Database(as_administrator(database.engine.url))
        yield owner
        await owner.close()

    return owner


def rolled_back_transaction(role: Callable[[URL], URL] = lambda url: url) -> Any:  # noqa: ANN401 - pytest's fixture type
    """Fixture: a session whose work is rolled back when the test ends."""

    @pytest_asyncio.fixture
    async def tx(template: URL) -> AsyncIterator[AsyncSession]:
        database = Database(role(template))
        async with database.engine.connect() as connection:
            outer = await connection.begin()
            async with AsyncSession(
                connection, join_transaction_mode="create_savepoint", expire_on_commit=False
            ) as session:
                yield session
            await outer.rollback()
        await database.close()

    return tx


@contextlib.asynccontextmanager
async def cloned(template: URL) -> AsyncIterator[URL]:
    """A database with the template's content, which nobody else uses."""
    idle = _idle.get(template)
    if idle is None:  # a template of one test, or the database of one
        async with cloned_once(template) as url:
            yield url
        return
    await _end_with_the_loop()
    clone = idle.pop() if idle else await Restorable.of(await _new_clone(template), as_administrator(template))
    engines.keep_connections_to(clone.url)
    restored = False
    try:
        yield clone.url
        restored = await clone.restored(engines.connections_to(clone.url))
    finally:
        if restored:
            idle.append(clone)
        else:
            await _end(clone)
            await _drop(clone.url, template)


@contextlib.asynccontextmanager
async def cloned_once(template: URL) -> AsyncIterator[URL]:
    """The same for one test alone, such as one whose service runs in an event loop of its own."""
    url = await _new_clone(template)
    try:
        yield url
    finally:
        await _drop(url, template)


async def _end_with_the_loop() -> None:
    """Have the event loop close the connections of idle clones before it closes: with open ones it would hang."""
    loop = asyncio.get_running_loop()
    if loop not in _ends:
        _ends[loop] = _end_idle()
        await anext(_ends[loop])


async def _end_idle() -> AsyncGenerator[None]:
    try:
        yield
    finally:  # when the loop shuts its generators down
        for idle in _idle.values():
            while idle:
                await _end(idle.pop())


async def _end(clone: Restorable) -> None:
    await engines.close_connections_to(clone.url)
    clone.connection.terminate()


async def _drop(url: URL, template: URL) -> None:
    async with administrator(as_administrator(template), "postgres") as connection:
        await connection.execute(f'DROP DATABASE "{url.database}" WITH (FORCE)')


async def _new_clone(template: URL) -> URL:
    name = f"test_{new_id().hex}"
    # A template must have no connection while it is copied; on a busy machine a closed one may not be gone yet.
    still_there = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{template.database}'"  # noqa: S608 - a name of ours
    server, roles = as_administrator(template), Roles(f"{template.username}_owner", template.username or "")
    owner = roles.owner if template.username != server.username else server.username
    copy = f'CREATE DATABASE "{name}" TEMPLATE "{template.database}" STRATEGY FILE_COPY OWNER "{owner}"'
    async with administrator(server, "postgres") as connection:
        await connection.execute(still_there)
        await connection.execute(copy)
        if owner == roles.owner:
            await open_database(connection, name, roles)
    return template.set(database=name)
