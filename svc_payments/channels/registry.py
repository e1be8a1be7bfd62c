"""The channels that the settings name; the sandbox is one of them only where it is named, too."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from chassis.http_client import outside_client
from svc_payments.channels.alipay.client import AlipayChannel
from svc_payments.channels.provider import Channel, Channels
from svc_payments.channels.sandbox_mandates import SandboxContracts
from svc_payments.channels.unionpay.client import UnionpayChannel
from svc_payments.channels.wechat.client import WechatChannel
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName


@asynccontextmanager
async def open_channels(settings: Settings) -> AsyncIterator[Channels]:
    """The channels there are, with their connections kept for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        channels: dict[ChannelName, Channel] = {}
        seconds = settings.channel_timeout_seconds
        if settings.channel_url and settings.channel_public_key:
            client = await stack.enter_async_context(outside_client(settings.channel_url))
            channels[ChannelName.SANDBOX] = SandboxContracts(settings, settings.channel_public_key, client)
        if settings.wechat:
            client = await stack.enter_async_context(outside_client(settings.wechat.url))
            notices = settings.notices_of(ChannelName.WECHAT)
            channels[ChannelName.WECHAT] = WechatChannel(settings.wechat, notices, seconds, client)
        if settings.unionpay:
            client = await stack.enter_async_context(outside_client(settings.unionpay.url))
            notices = settings.notices_of(ChannelName.UNIONPAY)
            channels[ChannelName.UNIONPAY] = UnionpayChannel(settings.unionpay, notices, seconds, client)
        if settings.alipay:
            client = await stack.enter_async_context(outside_client())
            notices = settings.notices_of(ChannelName.ALIPAY)
            channels[ChannelName.ALIPAY] = AlipayChannel(settings.alipay, notices, seconds, client)
        yield channels
