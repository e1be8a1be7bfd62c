"""WeChat Pay, running, and our client of it."""

from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from svc_payments.channels.registry import open_channels
from svc_payments.channels.wechat.client import WechatChannel
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.doubles.wechat import WechatDouble, public_key_double
from tests.svc_payments.channels.rigs.registry import running
from tests.svc_payments.channels.rigs.wechat import WechatRig


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[WechatRig]:
    rig = WechatRig(WechatDouble())
    async with running(rig):
        yield rig


@pytest_asyncio.fixture
async def by_public_key() -> AsyncIterator[WechatRig]:
    rig = WechatRig(public_key_double())
    async with running(rig):
        yield rig


@pytest.fixture
def settings(settings: Settings, rig: WechatRig) -> Settings:
    """Settings with which the channel is offered."""
    return settings.model_copy(update={"wechat": rig.settings})


@pytest_asyncio.fixture
async def channel(settings: Settings) -> AsyncIterator[WechatChannel]:
    async with open_channels(settings) as channels:
        yield cast(WechatChannel, channels[ChannelName.WECHAT])


@pytest.fixture
def double(rig: WechatRig) -> WechatDouble:
    return rig.double
