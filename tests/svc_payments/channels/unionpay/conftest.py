"""UnionPay, running, our client of it, and an order there."""

from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from svc_payments.channels.provider import Order
from svc_payments.channels.registry import open_channels
from svc_payments.channels.unionpay.client import UnionpayChannel
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.doubles.unionpay import UnionpayDouble
from tests.svc_payments.channels.rigs.registry import running
from tests.svc_payments.channels.rigs.unionpay import UnionpayRig
from tests.svc_payments.channels.unionpay.payments import form_of, new_order


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[UnionpayRig]:
    rig = UnionpayRig(UnionpayDouble())
    async with running(rig):
        yield rig


@pytest.fixture
def double(rig: UnionpayRig) -> UnionpayDouble:
    return rig.double


@pytest_asyncio.fixture
async def channel(settings: Settings, rig: UnionpayRig) -> AsyncIterator[UnionpayChannel]:
    async with open_channels(settings.model_copy(update={"unionpay": rig.settings})) as channels:
        yield cast(UnionpayChannel, channels[ChannelName.UNIONPAY])


@pytest_asyncio.fixture
async def order(channel: UnionpayChannel, rig: UnionpayRig) -> Order:
    """An order that its payer has brought to the cashier."""
    order = new_order()
    await rig.opened(*await form_of(channel, order))
    return order
