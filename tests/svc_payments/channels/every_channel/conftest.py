"""Each channel in turn, and payments by it."""

from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from chassis.db import new_id
from chassis.testing import once
from svc_payments.channels.registry import open_channels
from svc_payments.settings import Settings
from tests.svc_payments.channels.every_channel.payer import Paying
from tests.svc_payments.channels.rigs.contract import FullChannel, Rig
from tests.svc_payments.channels.rigs.registry import RIGS, running
from tests.svc_payments.world import World


@pytest_asyncio.fixture(params=sorted(RIGS))
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """Each channel in turn, running."""
    rig = RIGS[request.param]()
    async with running(rig):
        yield rig


@pytest.fixture
def settings(settings: Settings, rig: Rig) -> Settings:
    """Settings with which the channel is offered."""
    return settings.model_copy(update={rig.name.value: rig.settings})


@pytest_asyncio.fixture
async def channel(settings: Settings, rig: Rig) -> AsyncIterator[FullChannel]:
    async with open_channels(settings) as channels:
        yield cast(FullChannel, channels[rig.name])


@pytest_asyncio.fixture
async def created(world: World, rig: Rig) -> Paying:
    """A payment that is not confirmed."""
    person = new_id()
    bill_id = await world.bill(person)
    body = {"bill_ids": [str(bill_id)], "channel": rig.name}
    headers = world.tokens.resident(person) | once()
    answer = await world.api.post("/payments/v1/payments", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return Paying(world, rig, person, answer.json()["payment_id"], bill_id)


@pytest_asyncio.fixture
async def paying(created: Paying) -> Paying:
    """A payment that waits for its payer at the channel."""
    answer = await created.confirm()
    assert (answer.status_code, answer.json()["status"]) == (200, "pending"), answer.text
    return created


@pytest_asyncio.fixture
async def paid(paying: Paying) -> Paying:
    """A payment whose money the channel has, and of which we have not heard."""
    paying.rig.pay(await paying.number)
    return paying
