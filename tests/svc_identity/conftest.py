"""svc_identity on one database for all its tests, and the SMS and registry stand-ins as processes.

The tests share the database because each has people and organisations of its own; that is ten times faster than a
database for each, and closer to life.
"""

import base64
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import URL, make_url

from chassis.db import Database
from chassis.testing import Tokens, once
from svc_identity.app import create_app
from svc_identity.fields import normalise_phone
from svc_identity.memberships import grant_operator
from svc_identity.settings import Settings
from svc_identity.starter import load_starter_data
from svc_identity.vault.encryption import use_keys_of
from tests.databases import cloned, owner_database, template_database
from tests.deploy.sandboxes.processes import Sandbox
from tests.service_settings import settings_at
from tests.svc_identity.app_client import APP, STAFF_CONSOLE, AppClient, bearer
from tests.svc_identity.identities import proof
from tests.svc_identity.served import client, service

__all__ = ["client", "service"]

PUBLIC_URL = "https://gateway.test"
UNREACHABLE = "127.0.0.1:1"
FIELD_KEY, INDEX_KEY = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
"""The same for every conftest that imports `unconnected`: the keys of encrypted columns hold for the whole process."""
template = template_database("svc_identity")

Browsers = Callable[[], httpx.AsyncClient]


class NewAppClient(Protocol):
    def __call__(self, client_id: str = APP) -> AppClient: ...


@pytest_asyncio.fixture(scope="session")
async def database(template: URL) -> AsyncIterator[Database]:
    async with cloned(template) as url:
        database = Database(url)
        await load_starter_data(database)
        yield database
        await database.close()


owner = owner_database()


@pytest.fixture(scope="session")
def sandboxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Sandbox]]:
    folder = tmp_path_factory.mktemp("sandboxes")
    made = {name: Sandbox(name, folder) for name in ("sms", "registries", "faces", "network_identity")}
    with contextlib.ExitStack() as running_ones:
        for sandbox in made.values():
            running_ones.enter_context(sandbox.running())
        yield made


@pytest.fixture
def faults(sandboxes: dict[str, Sandbox]) -> Iterator[Callable[..., None]]:
    """`faults("sms", unavailable=1)`: something goes wrong in a stand-in, until the test ends."""

    def command(name: str, **wanted: float) -> None:
        httpx.post(f"{sandboxes[name].url}/faults", json=wanted).raise_for_status()

    yield command
    for name in sandboxes:
        command(name)


@pytest.fixture(scope="session")
def unconnected(tokens: Tokens) -> Settings:
    """Settings with all keys, which reach neither a database nor a stand-in."""
    return settings_at(
        Settings,
        make_url(f"postgresql+asyncpg://{UNREACHABLE}/none"),
        tokens,
        public_url=PUBLIC_URL,
        sms_url=f"http://{UNREACHABLE}",
        registries_url=f"http://{UNREACHABLE}",
        # The key that `tokens` publishes, so that the service accepts the tokens it issues.
        token_signing_key=tokens.key.as_pem(private=True).decode(),
        field_key=FIELD_KEY,
        index_key=INDEX_KEY,
        codes_per_address=1_000_000,
        codes_a_minute=1_000_000,
        wrong_codes_in_ten_minutes=1_000_000,
        cooling_off_hours=0,
    )


@pytest.fixture(scope="session")
def settings(unconnected: Settings, database: Database, sandboxes: dict[str, Sandbox]) -> Settings:
    url = database.engine.url
    connected = {
        "database_url": url.render_as_string(hide_password=False),
        "database_name": url.database,
        "sms_url": sandboxes["sms"].url,
        "registries_url": sandboxes["registries"].url,
        "faces_url": sandboxes["faces"].url,
        "network_identity_url": sandboxes["network_identity"].url,
    }
    return type(unconnected)(**unconnected.model_dump() | connected)


@pytest.fixture(scope="session", autouse=True)
def keys(unconnected: Settings) -> None:
    """The keys of encrypted columns, for tests that read and write them without the application."""
    use_keys_of(unconnected)


@pytest_asyncio.fixture(scope="session")
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    async with running(settings) as app:
        yield app


@contextlib.asynccontextmanager
async def running(settings: Settings, **changes: Any) -> AsyncIterator[FastAPI]:  # noqa: ANN401 - settings
    """The service in this process, with some settings changed."""
    app = create_app(type(settings)(**settings.model_dump() | changes))
    async with app.router.lifespan_context(app):
        yield app


def browser_on(app: FastAPI) -> httpx.AsyncClient:
    """A client with cookies of its own, as the browser on each phone has."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=PUBLIC_URL)


@pytest_asyncio.fixture
async def browsers(app: FastAPI) -> AsyncIterator[Browsers]:
    async with contextlib.AsyncExitStack() as open_ones:
        made: list[httpx.AsyncClient] = []

        def new() -> httpx.AsyncClient:
            made.append(browser_on(app))
            open_ones.push_async_callback(made[-1].aclose)
            return made[-1]

        yield new


@pytest.fixture
def api(browsers: Browsers) -> httpx.AsyncClient:
    return browsers()


@pytest_asyncio.fixture
async def sms(sandboxes: dict[str, Sandbox]) -> AsyncIterator[httpx.AsyncClient]:
    # A connection that rests may be closed by the server as the next request leaves.
    async with httpx.AsyncClient(base_url=sandboxes["sms"].url, headers={"Connection": "close"}) as client:
        yield client


@pytest.fixture
def new_app_client(browsers: Browsers, sms: httpx.AsyncClient, settings: Settings) -> NewAppClient:
    return lambda client_id=APP: AppClient(browsers(), sms, client_id, settings)


@pytest.fixture
def app_client(new_app_client: NewAppClient) -> AppClient:
    return new_app_client()


@pytest.fixture
def phone() -> str:
    return new_phone()


def new_phone() -> str:
    """A phone of nobody so far."""
    return f"138{secrets.randbelow(10**8):08}"


async def proofed(app_client: AppClient, phone: str) -> dict[str, str]:
    """The headers of a person who has signed in and proved who they are."""
    tokens = await app_client.tokens(phone)
    proved = await app_client.api.post("/identity/v1/me/proofing", json=proof(), headers=bearer(tokens) | once())
    assert proved.status_code == 200, proved.text
    return bearer(await app_client.renewed())


async def new_operator(settings: Settings, app_client: AppClient, phone: str | None = None) -> dict[str, str]:
    """The headers of an operator who was appointed by command, and so owes the role to no other."""
    phone = phone or new_phone()
    await grant_operator(settings, normalise_phone(phone), reason="an operator of this test")
    return await proofed(app_client, phone)


@pytest_asyncio.fixture
async def operator(settings: Settings, new_app_client: NewAppClient) -> dict[str, str]:
    """The headers of a signed-in operator of the platform."""
    return await new_operator(settings, new_app_client(STAFF_CONSOLE))


@pytest_asyncio.fixture
async def second_operator(settings: Settings, new_app_client: NewAppClient) -> dict[str, str]:
    """The headers of another one, independent of the first."""
    return await new_operator(settings, new_app_client(STAFF_CONSOLE))
