"""A database with the tables of the kit's tests."""

import pytest_asyncio
from sqlalchemy import URL

from tests.databases import fresh_database, made_of, rolled_back_transaction
from tests.kit.tables import Base


@pytest_asyncio.fixture(scope="session")
async def template(postgres_url: str) -> URL:
    """The kit belongs to no service, so its tables are made here from their metadata."""
    return await made_of(Base.metadata, postgres_url)


database = fresh_database()
tx = rolled_back_transaction()
