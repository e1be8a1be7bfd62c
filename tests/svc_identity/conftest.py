"""svc_identity with a database of the test's own, and the SMS and registry stand-ins as processes."""

import base64
import secrets
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import URL

from chassis.db import Database
from chassis.testing import Tokens, fresh_database, settings_at, template_database
from svc_identity.app import create_app
from svc_identity.settings import Settings
from svc_identity.starter import load_starter_data
from tests.deploy.sandboxes.processes import Sandbox
from tests.svc_identity.app_client import AppClient

PUBLIC_URL = "https://gateway.test"
migrated = template_database("svc_identity")
database = fresh_database()


@pytest_asyncio.fixture(scope="session")
async def template(migrated: URL) -> URL:
    database = Database(migrated)
    await load_starter_data(database)
    await database.close()
    return migrated


@pytest.fixture(scope="session")
def sandboxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Sandbox]]:
    folder = tmp_path_factory.mktemp("sandboxes")
    sms, registries = Sandbox("sms", folder), Sandbox("registries", folder)
    with sms.running(), registries.running():
        yield {"sms": sms, "registries": registries}


@pytest.fixture(scope="session")
def secret_keys(tokens: Tokens) -> dict[str, str]:
    """The service signs with the key that `tokens` publishes, so that it accepts the tokens it issues."""
    return {
        "token_signing_key": tokens.key.as_pem(private=True).decode(),
        "field_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        "index_key": base64.b64encode(secrets.token_bytes(32)).decode(),
    }


@pytest.fixture
def settings(
    database: Database, tokens: Tokens, sandboxes: dict[str, Sandbox], secret_keys: dict[str, str]
) -> Settings:
    return settings_at(
        Settings,
        database.engine.url,
        tokens,
        public_url=PUBLIC_URL,
        sms_url=sandboxes["sms"].url,
        registries_url=sandboxes["registries"].url,
        **secret_keys,
    )


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest_asyncio.fixture
async def browsers(app: FastAPI) -> AsyncIterator[Callable[[], httpx.AsyncClient]]:
    """Makes clients of the service, each with its own cookies, as browsers on different phones are."""
    made: list[httpx.AsyncClient] = []

    def new() -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        made.append(httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL))
        return made[-1]

    async with app.router.lifespan_context(app):
        yield new
        for client in made:
            await client.aclose()


@pytest.fixture
def api(browsers: Callable[[], httpx.AsyncClient]) -> httpx.AsyncClient:
    return browsers()


@pytest_asyncio.fixture
async def sms(sandboxes: dict[str, Sandbox]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sandboxes["sms"].url) as client:
        yield client


@pytest.fixture
def new_app_client(browsers: Callable[[], httpx.AsyncClient], sms: httpx.AsyncClient) -> Callable[[], AppClient]:
    return lambda: AppClient(browsers(), sms)


@pytest.fixture
def app_client(new_app_client: Callable[[], AppClient]) -> AppClient:
    return new_app_client()


@pytest.fixture
def phone() -> str:
    """A phone of nobody, new in each test: the SMS stand-in outlives the databases."""
    return f"138{secrets.randbelow(10**8):08}"
