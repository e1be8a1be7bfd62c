"""The service with small limits on a database of its own, and browsers at any network address."""

import contextlib
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import URL

from chassis.db import Database
from svc_identity.settings import Settings
from svc_identity.starter import load_starter_data
from tests.databases import cloned
from tests.svc_identity.app_client import AppClient
from tests.svc_identity.conftest import browser_on, running

At = Callable[[str], AppClient]


@pytest_asyncio.fixture
async def own_database(template: URL) -> AsyncIterator[Database]:
    async with cloned(template) as url:
        database = Database(url)
        await load_starter_data(database)
        yield database
        await database.close()


@pytest.fixture
def limits() -> dict[str, int]:
    return {"codes_per_address": 2, "codes_per_phone_a_day": 2, "code_resend_seconds": 1}


@pytest_asyncio.fixture
async def small(settings: Settings, own_database: Database, limits: dict[str, int]) -> AsyncIterator[FastAPI]:
    async with running(settings, database_name=own_database.engine.url.database, **limits) as app:
        yield app


@pytest_asyncio.fixture
async def at(small: FastAPI, sms: httpx.AsyncClient) -> AsyncIterator[At]:
    """`at("203.0.113.1")`: a new browser at that address."""
    async with contextlib.AsyncExitStack() as browsers:

        def new(address: str) -> AppClient:
            api = browser_on(small)
            api._transport.client = (address, 1)  # type: ignore[attr-defined]  # noqa: SLF001
            browsers.push_async_callback(api.aclose)
            return AppClient(api, sms)

        yield new
