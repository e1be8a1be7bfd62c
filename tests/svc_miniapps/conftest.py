"""svc_miniapps with a database and a package store of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import URL

from chassis.db import Database
from chassis.testing import Tokens, client_of
from svc_miniapps.app import create_app
from svc_miniapps.settings import Settings
from svc_miniapps.starter import load_starter_data
from tests.appointments import appointing
from tests.databases import fresh_database, template_database
from tests.service_settings import settings_at
from tests.signing_keys import new_pem
from tests.svc_miniapps.stage import Stage

migrated = template_database("svc_miniapps")
database = fresh_database()


@pytest_asyncio.fixture(scope="session")
async def template(migrated: URL) -> URL:
    """The migrated database with starter data in it."""
    database = Database(migrated)
    await load_starter_data(database)
    await database.close()
    return migrated


@pytest.fixture
def package_folder(tmp_path: Path) -> Path:
    """Where the package store keeps its objects: a folder on disk, as in the embedded run."""
    folder = tmp_path / "packages-store"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(database: Database, tokens: Tokens, package_folder: Path) -> Settings:
    return settings_at(
        Settings,
        database.engine.url,
        tokens,
        packages=package_folder.as_uri(),
        package_signing_key=new_pem(),
        provider_endpoints="any",
    )


@pytest_asyncio.fixture
async def api(settings: Settings, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(settings)) as client:
        client.event_hooks["request"].append(appointing(database))
        yield client


@pytest.fixture
def stage(api: httpx.AsyncClient, tokens: Tokens) -> Stage:
    """People with their roles, and the steps they take."""
    return Stage(api, tokens)
