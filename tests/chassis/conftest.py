"""A database with nothing but the chassis tables."""

from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy import URL, make_url

from chassis.db import Database, create_database, new_id, service_metadata
from chassis.testing import fresh_database


@pytest_asyncio.fixture(scope="session")
async def template(postgres_url: str) -> AsyncIterator[URL]:
    """The chassis belongs to no service, so its tables are made here from their metadata."""
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database=f"chassis_{new_id().hex}")
    await create_database(url)
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(service_metadata().create_all)
    await database.close()
    yield url


database = fresh_database()
