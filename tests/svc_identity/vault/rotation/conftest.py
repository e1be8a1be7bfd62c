"""A database for each test, whose keys change without the other tests noticing."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import URL

from chassis.db import Database
from svc_identity.settings import Settings
from svc_identity.starter import load_starter_data
from svc_identity.vault.encryption import use_keys_of
from tests.databases import cloned
from tests.deploy.sandboxes.processes import Sandbox
from tests.svc_identity.conftest import running
from tests.svc_identity.verifications.conftest import capture, person

__all__ = ["capture", "person"]


@pytest_asyncio.fixture
async def database(template: URL) -> AsyncIterator[Database]:
    async with cloned(template) as url:
        database = Database(url)
        await load_starter_data(database)
        yield database
        await database.close()


@pytest.fixture
def settings(unconnected: Settings, database: Database, sandboxes: dict[str, Sandbox]) -> Iterator[Settings]:
    url = database.engine.url
    places = {f"{name}_url": sandbox.url for name, sandbox in sandboxes.items()}
    connected = {"database_url": url.render_as_string(hide_password=False), "database_name": url.database, **places}
    yield type(unconnected)(**unconnected.model_dump() | connected)
    use_keys_of(unconnected)


@pytest_asyncio.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    async with running(settings) as app:
        yield app


@pytest.fixture
def old(settings: Settings) -> str:
    """The key under which everything is, in the beginning."""
    return settings.index_key.get_secret_value()
