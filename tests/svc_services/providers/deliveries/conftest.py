import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from chassis.db import Database
from chassis.testing import Tokens
from tests.svc_services.companies import ProviderSystem
from tests.svc_services.providers.deliveries.sink import Receiver, receiver


@pytest.fixture
def database(shared_database: Database) -> Database:
    return shared_database


@pytest_asyncio.fixture
async def company(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_system: ProviderSystem,
    signing_key: RSAPrivateKey,
) -> Receiver:
    return await receiver(api, tokens, database, provider_system, signing_key)
