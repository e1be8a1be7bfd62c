"""The common interface of the channels' doubles, for tests that run on every channel."""

from collections.abc import Mapping
from typing import Protocol

import httpx
from pydantic import BaseModel
from starlette.applications import Starlette

from svc_payments.channels.provider import Channel, RefundingChannel
from svc_payments.settings.channels import ChannelName

RawNotice = tuple[bytes, dict[str, str]]
"""The raw body and the headers of a notice."""


class FullChannel(Channel, RefundingChannel, Protocol):
    pass


class Rig(Protocol):
    name: ChannelName
    method: str
    answers_orders: bool
    """Whether placing an order calls the channel; otherwise it only prepares what the payer submits."""
    closes_orders: bool
    """Whether an unpaid order can be closed; otherwise it lasts until it expires."""

    @property
    def settings(self) -> BaseModel:
        """The settings that enable the channel."""

    def app(self) -> Starlette:
        """The channel's application."""

    def configure(self, url: str) -> None:
        """Set the channel's URL."""

    async def opened(self, pay_url: str | None, pay_parameters: Mapping[str, str] | None) -> None:
        """Open the order on the payer's phone."""

    def pay(self, number: str) -> None:
        """Pay the order in the wallet."""

    def paid_notice(self, number: str) -> RawNotice:
        """A new notice of a paid order."""

    def wrong_notice(self, number: str, what: str) -> RawNotice:
        """A correctly signed notice with another `merchant`, `amount`, `currency` or `order`."""

    def tampered(self, notice: RawNotice) -> RawNotice:
        """A notice changed in transit."""

    def forged(self, number: str) -> RawNotice:
        """A notice signed by somebody else."""

    def unsigned(self, notice: RawNotice) -> RawNotice:
        """A notice without its signature."""

    def taken(self, answer: httpx.Response) -> bool:
        """Whether the channel takes this answer as an acknowledgement."""

    def silence(self) -> None:
        """Fail the next request."""

    def forge_answers(self) -> None:
        """Sign all further answers with a stranger's key."""

    def speak_again(self) -> None:
        """Sign answers with the channel's key again."""

    def encoded_again(self, raw: bytes) -> bytes:
        """A body as a framework re-encodes it."""

    def finish_refund(self, number: str) -> None:
        """Complete the refund."""

    def refunded_fen(self, number: str) -> int:
        """The refunded and pending refund amount of an order, in fen."""
