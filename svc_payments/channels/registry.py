"""The channels there are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.outside import outside_client
from svc_payments.channels.provider import ChannelName, Channels
from svc_payments.channels.sandbox import SandboxChannel
from svc_payments.settings import Settings


@asynccontextmanager
async def open_channels(settings: Settings) -> AsyncIterator[Channels]:
    """The channels there are, with their connections kept for as long as the block lasts."""
    async with outside_client(settings.channel_url) as client:
        yield {ChannelName.SANDBOX: SandboxChannel(settings, client)}
