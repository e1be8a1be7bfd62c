"""A database with the tables of the kit's tests."""

from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy import URL, make_url

from chassis.db import Database, create_database, new_id
from chassis.testing import fresh_database, rolled_back_transaction
from tests.kit.tables import Base


@pytest_asyncio.fixture(scope="session")
async def template(postgres_url: str) -> AsyncIterator[URL]:
    """The kit belongs to no service, so its tables are made here from their metadata."""
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database=f"kit_{new_id().hex}")
    await create_database(url)
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await database.close()
    yield url


database = fresh_database()
tx = rolled_back_transaction()
