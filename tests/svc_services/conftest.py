"""svc_services with a database of the test's own, the reference data in it, and the registry stand-in as a process."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI
from sqlalchemy import URL

from chassis.db import Database
from chassis.testing import Tokens, client_of
from svc_services.app import create_app
from svc_services.settings import Settings
from svc_services.starter import load_reference_data
from tests.appointments import appointing
from tests.databases import cloned, fresh_database, template_database
from tests.deploy.sandboxes.processes import Sandbox
from tests.service_settings import settings_at
from tests.svc_services.companies import ProviderSystem, answer_verifying

migrated = template_database("svc_services")
database = fresh_database()


@pytest_asyncio.fixture(scope="session")
async def template(migrated: URL) -> URL:
    database = Database(migrated)
    await load_reference_data(database)
    await database.close()
    return migrated


@pytest_asyncio.fixture(scope="module")
async def shared_database(template: URL) -> AsyncIterator[Database]:
    """A database for all tests of a module, where each makes its own companies and persons: much quicker."""
    async with cloned(template) as url:
        database = Database(url)
        yield database
        await database.close()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox("registries", tmp_path_factory.mktemp("registries"))
    with sandbox.running():
        yield sandbox


@pytest.fixture(scope="session")
def signing_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def surroundings(
    tokens: Tokens, registry: Sandbox, signing_key: RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Settings that say what is around the service; its database is not among them."""
    return {
        "jwks_url": tokens.jwks_url,
        "registries_url": registry.url,
        "provider_signing_key": signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "provider_endpoints": "any",
        "onboarding": "direct",
        "applications_per_address": "1000",
        "materials": tmp_path_factory.mktemp("materials").as_uri(),
    }


@pytest.fixture
def settings(database: Database, tokens: Tokens, surroundings: dict[str, str]) -> Settings:
    return settings_at(Settings, database.engine.url, tokens, **surroundings)


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest_asyncio.fixture
async def api(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        client.event_hooks["request"].append(appointing(database))
        yield client


@pytest.fixture
def provider_system() -> Iterator[ProviderSystem]:
    """The systems of a provider, on a port of their own."""
    with ProviderSystem().running() as system:
        yield system


@pytest.fixture
def new_system(signing_key: RSAPrivateKey) -> Iterator[ProviderSystem]:
    """The system of a provider that has moved: it verifies signatures and knows no account."""
    with ProviderSystem().running() as system:
        system.answer = answer_verifying(signing_key)
        yield system
