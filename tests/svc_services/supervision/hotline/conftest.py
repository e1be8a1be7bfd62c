"""A hotline on a port of its own, and a platform that is connected to it."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI

from chassis.db import Database
from chassis.testing import Tokens, client_of
from svc_services.app import create_app
from svc_services.settings import Settings
from svc_services.supervision.hotline.provider import HttpHotline
from svc_services.supervision.hotline.worker import tell_due
from tests.appointments import appointing
from tests.service_settings import settings_at
from tests.svc_services.supervision.hotline.double import HotlineDouble
from tests.svc_services.supervision.hotline.signed import Caller


@pytest.fixture(scope="session")
def hotline_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture
def hotline(signing_key: RSAPrivateKey) -> Iterator[HotlineDouble]:
    with HotlineDouble(signing_key.public_key()).running() as running:
        yield running


@pytest.fixture
def settings(
    database: Database,
    tokens: Tokens,
    surroundings: dict[str, str],
    hotline: HotlineDouble,
    hotline_key: RSAPrivateKey,
) -> Settings:
    pem = hotline_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    connected = {"hotline_url": hotline.url, "hotline_public_key": pem}
    return settings_at(Settings, database.engine.url, tokens, **surroundings | connected)


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest_asyncio.fixture
async def api(app: FastAPI, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        client.event_hooks["request"].append(appointing(database))
        yield client


@pytest.fixture
def caller(api: httpx.AsyncClient, hotline_key: RSAPrivateKey) -> Caller:
    return Caller(api, hotline_key)


@pytest.fixture
def tell(database: Database, hotline: HotlineDouble, signing_key: RSAPrivateKey) -> Any:  # noqa: ANN401 - a coroutine function
    """The worker's round."""
    return partial(tell_due, database, HttpHotline(hotline.url, signing_key, seconds=3.0))
