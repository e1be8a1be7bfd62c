"""Alipay, running, and our client of it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.local.programs import free_port
from svc_payments.channels.alipay.client import AlipayChannel
from svc_payments.channels.registry import open_channels
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.doubles.alipay import AlipayDouble
from tests.svc_payments.channels.doubles.parties import key_of, public_pem
from tests.svc_payments.served import served


@pytest_asyncio.fixture
async def alipay() -> AsyncIterator[AlipayDouble]:
    double, port = AlipayDouble(), free_port()
    double.base_url = f"http://127.0.0.1:{port}"
    async with served(double.app(), port):
        yield double


@pytest.fixture
def settings(settings: Settings, alipay: AlipayDouble) -> Settings:
    return settings.model_copy(update={"alipay": alipay.settings(alipay.base_url)})


@pytest_asyncio.fixture
async def channel(settings: Settings) -> AsyncIterator[AlipayChannel]:
    async with open_channels(settings) as channels:
        found = channels[ChannelName.ALIPAY]
        assert isinstance(found, AlipayChannel)
        yield found


@pytest_asyncio.fixture
async def rotated(settings: Settings, alipay: AlipayDouble) -> AsyncIterator[AlipayChannel]:
    """The channel after Alipay's key was changed, with the old one still set."""
    both = alipay.settings(
        alipay.base_url, public_key=public_pem(key_of("Alipay's next")), former_public_key=public_pem(alipay.key)
    )
    async with open_channels(settings.model_copy(update={"alipay": both})) as channels:
        found = channels[ChannelName.ALIPAY]
        assert isinstance(found, AlipayChannel)
        yield found
