"""A database with nothing but the chassis tables, among which proofs are remembered."""

import pytest_asyncio
from sqlalchemy import URL

from chassis.db import service_metadata
from tests.databases import fresh_database, made_of


@pytest_asyncio.fixture(scope="session")
async def template(postgres_url: str) -> URL:
    return await made_of(service_metadata(), postgres_url)


database = fresh_database()
