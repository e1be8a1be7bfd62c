"""svc_payments with a database of the test's own and keys of the test run's own."""

from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from chassis.db import Database, new_id, now
from chassis.http_client import outside_client
from chassis.testing import Tokens, client_of
from deploy.local.programs import LOOPBACK, free_port
from svc_payments.parties.providers.models import Provider
from svc_payments.settings import Settings
from tests.appointments import appointing
from tests.databases import as_administrator, fresh_database, owner_database, rolled_back_transaction, template_database
from tests.deploy.sandboxes.processes import Sandbox
from tests.service_settings import settings_at
from tests.svc_payments.served import application, served
from tests.svc_payments.world import CONTRACT_NOTICES, NOTICES, Company, World

template = template_database("svc_payments")
database = fresh_database()
owner = owner_database()
tx = rolled_back_transaction()
owner_tx = rolled_back_transaction(as_administrator)


@pytest.fixture(scope="session")
def rsa_keys() -> dict[str, RSAPrivateKey]:
    """The private keys of the parties: ours towards providers and the channel, and the channel's own."""
    return {name: generate_private_key(65537, 2048) for name in ("provider_signing_key", "merchant_key", "channel_key")}


def private_pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def settings(database: Database, tokens: Tokens, rsa_keys: dict[str, RSAPrivateKey], tmp_path: Path) -> Settings:
    return settings_at(
        Settings,
        database.engine.url,
        tokens,
        channel_url="http://127.0.0.1:1",
        channel_public_key=public_pem(rsa_keys["channel_key"]),
        merchant_key=private_pem(rsa_keys["merchant_key"]),
        provider_signing_key=private_pem(rsa_keys["provider_signing_key"]),
        provider_endpoints="any",
        ledger_anchors=(tmp_path / "anchors").as_uri(),
    )


@pytest_asyncio.fixture
async def api(settings: Settings, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with application(settings) as app, client_of(app) as client:
        client.event_hooks["request"].append(appointing(database))
        yield client


@pytest_asyncio.fixture
async def provider_id(database: Database) -> UUID:
    """A water provider that this service has heard of."""
    return await approved_provider(database)


async def approved_provider(database: Database, endpoint_url: str = "http://127.0.0.1:1") -> UUID:
    provider = Provider(
        provider_id=new_id(), kind="water", name="Sample Water Company", endpoint_url=endpoint_url, as_of=now()
    )
    async with database.transaction() as tx:
        tx.add(provider)
    return provider.provider_id


@pytest.fixture(scope="session")
def channel_url(rsa_keys: dict[str, RSAPrivateKey], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The sandbox channel, one process for all tests."""
    keys = {
        "MYILI_CHANNEL_PRIVATE_KEY": private_pem(rsa_keys["channel_key"]),
        "MYILI_MERCHANT_PUBLIC_KEY": public_pem(rsa_keys["merchant_key"]),
    }
    sandbox = Sandbox("payment_channel", tmp_path_factory.mktemp("channel"), keys)
    with sandbox.running():
        yield sandbox.url


@cache  # making a class of settings takes as long as a short test
def _with_notices_at_a_port(kind: type[Settings]) -> type[Settings]:
    class WithNoticesAtAPort(kind):  # type: ignore[valid-type, misc]  # mypy takes no variable as a base class
        api_port: int

        @property
        def notice_url(self) -> str:
            return f"http://{LOOPBACK}:{self.api_port}{NOTICES}"

        @property
        def contract_notice_url(self) -> str:
            return f"http://{LOOPBACK}:{self.api_port}{CONTRACT_NOTICES}"

    return WithNoticesAtAPort


@pytest_asyncio.fixture
async def world(
    database: Database,
    settings: Settings,
    tokens: Tokens,
    rsa_keys: dict[str, RSAPrivateKey],
    channel_url: str,
    tmp_path: Path,
) -> AsyncIterator[World]:
    """The API on a port, the channel, and a provider with its own endpoint, which is open."""
    port = free_port()

    changes = {"channel_url": channel_url, "channel_timeout_seconds": 2.0, "api_port": port}
    here = _with_notices_at_a_port(type(settings))(**settings.model_dump() | changes)
    company = Company.at(tmp_path, free_port(), f"http://127.0.0.1:{port}")
    async with (
        application(here) as app,
        served(app, port),
        company.open(),
        outside_client(f"http://127.0.0.1:{port}") as api,
        outside_client(channel_url) as channel,
    ):
        api.event_hooks["request"].append(appointing(database))
        provider_id = await approved_provider(database, company.endpoint_url)
        world = World(here, database, tokens, api, channel, rsa_keys["channel_key"], provider_id, company)
        yield world
        await world.faults()
