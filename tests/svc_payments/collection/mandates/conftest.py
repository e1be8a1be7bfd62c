from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from svc_payments.collection.mandates.worker import Mandates
from tests.svc_payments.collection.mandates.giver import Giver, working_on
from tests.svc_payments.world import World


@pytest.fixture
def giver(world: World) -> Giver:
    return Giver(world)


@pytest_asyncio.fixture
async def mandates(world: World) -> AsyncIterator[Mandates]:
    async with working_on(world) as working:
        yield working
