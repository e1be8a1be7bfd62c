"""svc_payments with a database of the test's own and keys of the test run's own."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, client_of, fresh_database, rolled_back_transaction, settings_at, template_database
from svc_payments.app import create_app
from svc_payments.providers.models import Provider
from svc_payments.settings import Settings

template = template_database("svc_payments")
database = fresh_database()
tx = rolled_back_transaction()


@pytest.fixture(scope="session")
def rsa_keys() -> dict[str, RSAPrivateKey]:
    """The private keys of the parties: ours towards providers and the channel, and the channel's own."""
    return {name: generate_private_key(65537, 2048) for name in ("provider_signing_key", "merchant_key", "channel_key")}


def private_pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def settings(database: Database, tokens: Tokens, rsa_keys: dict[str, RSAPrivateKey]) -> Settings:
    return settings_at(
        Settings,
        database.engine.url,
        tokens,
        channel_url="http://127.0.0.1:1",
        channel_public_key=public_pem(rsa_keys["channel_key"]),
        merchant_key=private_pem(rsa_keys["merchant_key"]),
        provider_signing_key=private_pem(rsa_keys["provider_signing_key"]),
        provider_endpoints="any",
    )


@pytest_asyncio.fixture
async def api(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(settings)) as client:
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
