"""Each channel's double behind one face, so that a behaviour is written once and holds for all of them."""

from collections.abc import Mapping
from typing import Protocol

import httpx
from pydantic import BaseModel
from starlette.applications import Starlette

from svc_payments.channels.provider import Channel, RefundingChannel
from svc_payments.settings.channels import ChannelName

Told = tuple[bytes, dict[str, str]]
"""The raw body and the headers of a notice."""


class FullChannel(Channel, RefundingChannel, Protocol):
    pass


class Rig(Protocol):
    name: ChannelName
    method: str
    answers_orders: bool
    """Whether placing an order asks the channel; where not, it only makes what the payer brings there."""
    closes_orders: bool
    """Whether an unpaid order can be ended; where not, it lasts until its time is over."""

    @property
    def settings(self) -> BaseModel:
        """With which the channel is offered."""

    def app(self) -> Starlette:
        """The channel."""

    def configure(self, url: str) -> None:
        """Say where the channel is."""

    async def opened(self, pay_url: str | None, pay_parameters: Mapping[str, str] | None) -> None:
        """What the payer's phone does with the way to pay."""

    def pay(self, number: str) -> None:
        """What the payer does in the wallet."""

    def told(self, number: str) -> Told:
        """A new notice of a paid order."""

    def told_wrongly(self, number: str, what: str) -> Told:
        """A notice by the right key with another `merchant`, `amount` or `order`."""

    def tampered(self, told: Told) -> Told:
        """A notice whose content was changed on its way."""

    def forged(self, number: str) -> Told:
        """A notice signed by somebody else."""

    def unsigned(self, told: Told) -> Told:
        """A notice without its signature."""

    def taken(self, answer: httpx.Response) -> bool:
        """Whether the channel would be content with this answer to a notice, and forget it."""

    def silence(self) -> None:
        """Fail at the next question."""

    def forge_answers(self) -> None:
        """Have somebody else sign every answer from now on."""

    def speak_again(self) -> None:
        """Sign answers as before."""

    def encoded_again(self, raw: bytes) -> bytes:
        """A body as a framework would write it after reading it."""

    def finish_refund(self, number: str) -> None:
        """The payer has the money."""

    def refunded_fen(self, number: str) -> int:
        """What has gone back of an order, or is on its way."""
