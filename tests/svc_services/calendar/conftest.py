"""The calendar of the State Council, and a water company."""

from uuid import UUID

import httpx
import pytest_asyncio

from chassis.db import Database
from chassis.testing import Tokens
from svc_services.starter import load_calendar
from tests.svc_services.cases.applications.cases import YINING
from tests.svc_services.companies import approved


@pytest_asyncio.fixture(autouse=True)
async def _calendar(database: Database) -> None:
    await load_calendar(database)


@pytest_asyncio.fixture
async def provider_id(api: httpx.AsyncClient, tokens: Tokens) -> UUID:
    return await approved(api, tokens, division_codes=[YINING])
