from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest_asyncio

from chassis.db import Database
from chassis.testing import Tokens
from tests.svc_payments.billing.inquiries.desk import Desk
from tests.svc_payments.scripted import Scripted, scripted


@pytest_asyncio.fixture
async def company(database: Database, provider_id: UUID) -> AsyncIterator[Scripted]:
    """The provider, which answers as the test wants."""
    async with scripted(database, provider_id) as company:
        yield company


@pytest_asyncio.fixture
async def desk(api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID) -> Desk:
    """A resident bound to an account of a provider that is asked for bills."""
    return await Desk(api, database, tokens, provider_id).open(late_fee={"daily_ten_thousandths": 5})
