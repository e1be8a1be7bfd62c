from collections.abc import AsyncIterator

import pytest_asyncio

from tests.svc_payments.collection.top_ups.shop import Shop
from tests.svc_payments.scripted import Scripted, scripted
from tests.svc_payments.world import World


@pytest_asyncio.fixture
async def company(world: World) -> AsyncIterator[Scripted]:
    """The provider, which answers as the test wants."""
    async with scripted(world.database, world.provider_id) as company:
        yield company


@pytest_asyncio.fixture
async def shop(world: World) -> Shop:
    return await Shop(world).open()
