"""Each channel's double behind one face, so that a behaviour is written once and holds for all of them."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import httpx
from pydantic import BaseModel
from starlette.applications import Starlette

from deploy.local.programs import free_port
from svc_payments.channels.provider import Channel, ChannelName, RefundingChannel
from tests.svc_payments.channels.doubles.parties import certified
from tests.svc_payments.channels.doubles.wechat import WechatDouble, public_key_double
from tests.svc_payments.world import served

Told = tuple[bytes, dict[str, str]]
"""The raw body and the headers of a notice."""


class FullChannel(Channel, RefundingChannel, Protocol):
    pass


class Rig(Protocol):
    name: ChannelName
    method: str

    @property
    def settings(self) -> BaseModel:
        """With which the channel is offered."""

    def app(self) -> Starlette:
        """The channel."""

    def configure(self, url: str) -> None:
        """Say where the channel is."""

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


class WechatRig:
    name, method = ChannelName.WECHAT, "native"

    def __init__(self, double: WechatDouble) -> None:
        self.double = double

    def app(self) -> Starlette:
        return self.double.app()

    def configure(self, url: str) -> None:
        self.settings = self.double.settings(url)

    def pay(self, number: str) -> None:
        self.double.pay(number)

    def told(self, number: str) -> Told:
        return self.double.paid_notice(number)

    def told_wrongly(self, number: str, what: str) -> Told:
        changes: dict[str, dict[str, Any]] = {
            "merchant": {"mchid": "1900000110"},
            "amount": {"amount": {"total": 4139, "currency": "CNY"}},
            "currency": {"amount": {"total": 4140, "currency": "USD"}},
            "order": {"out_trade_no": "0" * 32},
        }
        return self.double.paid_notice(number, **changes[what])

    def tampered(self, told: Told) -> Told:
        raw, headers = told
        return raw.replace(b"encrypt-resource", b"encrypt-resourcf"), headers

    def forged(self, number: str) -> Told:
        stranger = WechatDouble(
            platforms=[certified("Somebody")], api_key=self.double.api_key, orders=self.double.orders
        )
        raw, headers = stranger.paid_notice(number)
        return raw, headers | {"Wechatpay-Serial": self.double.sign(b"")["Wechatpay-Serial"]}

    def taken(self, answer: httpx.Response) -> bool:
        assert answer.is_success or answer.json()["code"] == "FAIL"
        return answer.is_success

    def silence(self) -> None:
        self.double.faults.append(("/", 500, "SYSTEM_ERROR"))

    def forge_answers(self) -> None:
        stranger = WechatDouble(platforms=[certified("Somebody")])
        self.double.forge = lambda headers, body: (
            {**stranger.sign(body), "Wechatpay-Serial": headers["Wechatpay-Serial"]},
            body,
        )

    def speak_again(self) -> None:
        self.double.forge = None

    def encoded_again(self, raw: bytes) -> bytes:
        return json.dumps(json.loads(raw)).encode()

    def finish_refund(self, number: str) -> None:
        self.double.finish_refund(number)

    def refunded_fen(self, number: str) -> int:
        refunds = self.double.refunds.values()
        return sum(refund["amount"]["refund"] for refund in refunds if refund["out_trade_no"] == number)


RIGS: dict[str, Callable[[], Rig]] = {
    "wechat": lambda: WechatRig(WechatDouble()),
    "wechat-public-key": lambda: WechatRig(public_key_double()),
}


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[None]:
    port = free_port()
    rig.configure(f"http://127.0.0.1:{port}")
    async with served(rig.app(), port):
        yield
