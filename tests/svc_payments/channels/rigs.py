"""Each channel's double behind one face, so that a behaviour is written once and holds for all of them."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

import httpx
from pydantic import BaseModel
from starlette.applications import Starlette

from deploy.local.programs import free_port
from svc_payments.channels.provider import Channel, RefundingChannel
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.doubles.alipay import AlipayDouble, certificate_double
from tests.svc_payments.channels.doubles.alipay_protocol import signature
from tests.svc_payments.channels.doubles.parties import certified, key_of
from tests.svc_payments.channels.doubles.unionpay import UnionpayDouble, strange_signer, written
from tests.svc_payments.channels.doubles.wechat import WechatDouble, public_key_double
from tests.svc_payments.world import served

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


class WechatRig:
    name, method = ChannelName.WECHAT, "native"
    answers_orders = closes_orders = True

    def __init__(self, double: WechatDouble) -> None:
        self.double = double

    def app(self) -> Starlette:
        return self.double.app()

    def configure(self, url: str) -> None:
        self.settings = self.double.settings(url)

    async def opened(self, pay_url: str | None, pay_parameters: Mapping[str, str] | None) -> None:
        """WeChat knows its own orders."""

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

    def unsigned(self, told: Told) -> Told:
        return told[0], {}

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

    def refund_told(self, number: str, what: str = "") -> Told:
        changes = {"merchant": {"mchid": "1900000110"}, "refund": {"out_refund_no": "0" * 32}}
        return self.double.refund_notice(number, **changes.get(what, {}))

    def refunded_fen(self, number: str) -> int:
        refunds = self.double.refunds.values()
        return sum(refund["amount"]["refund"] for refund in refunds if refund["out_trade_no"] == number)


class UnionpayRig:
    name, method = ChannelName.UNIONPAY, "web"
    answers_orders = closes_orders = False

    def __init__(self, double: UnionpayDouble) -> None:
        self.double = double

    def app(self) -> Starlette:
        return self.double.app()

    def configure(self, url: str) -> None:
        self.settings = self.double.settings(url)

    async def opened(self, pay_url: str | None, pay_parameters: Mapping[str, str] | None) -> None:
        assert pay_url
        assert pay_parameters
        async with httpx.AsyncClient(trust_env=False) as browser:
            page = await browser.post(pay_url, data=dict(pay_parameters))
        assert (page.status_code, page.text) == (200, "<h1>收银台</h1>")

    def pay(self, number: str) -> None:
        self.double.pay(number)

    def told(self, number: str) -> Told:
        return self.double.told(number), {"Content-Type": "application/x-www-form-urlencoded"}

    def told_wrongly(self, number: str, what: str) -> Told:
        changes: dict[str, dict[str, Any]] = {
            "merchant": {"merId": "898650149000002"},
            "amount": {"txnAmt": "4139"},
            "currency": {"currencyCode": "840"},
            "order": {"orderId": "0" * 32},
        }
        return self.double.told(number, **changes[what]), {}

    def tampered(self, told: Told) -> Told:
        raw, headers = told
        return raw.replace(b"txnAmt=4140", b"txnAmt=4139"), headers

    def forged(self, number: str) -> Told:
        return self.double.told(number, sign_with=strange_signer()), {}

    def unsigned(self, told: Told) -> Told:
        raw, headers = told
        return raw.partition(b"&signature=")[0], headers

    def taken(self, answer: httpx.Response) -> bool:
        return answer.status_code == httpx.codes.OK

    def silence(self) -> None:
        self.double.faults.append(("/", 500))

    def forge_answers(self) -> None:
        stranger = strange_signer()
        self.double.forge = lambda fields: written(self.double.sign(fields, stranger))

    def speak_again(self) -> None:
        self.double.forge = None

    def encoded_again(self, raw: bytes) -> bytes:
        # What is parted and not escaped again: each + of the signature is read as a space then.
        return "&".join(f"{name}={value}" for name, value in parse_qsl(raw.decode())).encode()

    def finish_refund(self, number: str) -> None:
        self.double.finish_refund(number)

    def refund_told(self, number: str, what: str = "") -> Told:
        changes: dict[str, dict[str, Any]] = {
            "merchant": {"merId": "898650149000002"},
            "refund": {"orderId": "0" * 32},
        }
        return self.double.told(number, **changes.get(what, {})), {}

    def refunded_fen(self, number: str) -> int:
        return self.double.gone(self.double.of(number)["queryId"])


class AlipayRig:
    name = ChannelName.ALIPAY
    closes_orders = True

    def __init__(self, double: AlipayDouble, method: str) -> None:
        self.double, self.method = double, method
        self.answers_orders = method == "precreate"

    def app(self) -> Starlette:
        return self.double.app()

    def configure(self, url: str) -> None:
        self.settings = self.double.settings(url)

    async def opened(self, pay_url: str | None, pay_parameters: Mapping[str, str] | None) -> None:
        self.double.follow(pay_url, pay_parameters)

    def pay(self, number: str) -> None:
        self.double.pay(number)

    def told(self, number: str) -> Told:
        return self.double.notice(number)

    def told_wrongly(self, number: str, what: str) -> Told:
        changes: dict[str, dict[str, Any]] = {
            "merchant": {"seller_id": "2088521231912069"},
            "amount": {"total_amount": "41.39"},
            "currency": {"trans_currency": "USD"},
            "order": {"out_trade_no": "0" * 32},
        }
        return self.double.notice(number, **changes[what])

    def tampered(self, told: Told) -> Told:
        raw, headers = told
        return raw.replace(b"trade_status_sync", b"trade_status_synd"), headers

    def forged(self, number: str) -> Told:
        return self.double.notice(number, sign_with=key_of("Somebody"))

    def unsigned(self, told: Told) -> Told:
        raw, headers = told
        return urlencode([each for each in parse_qsl(raw.decode()) if each[0] != "sign"]).encode(), headers

    def taken(self, answer: httpx.Response) -> bool:
        assert answer.text in {"success", "fail"}
        return answer.text == "success"

    def silence(self) -> None:
        self.double.faults.append(("", "20000", "aop.unknow-error"))

    def forge_answers(self) -> None:
        self.double.forge = lambda member, _: (member, signature(key_of("Somebody"), member))

    def speak_again(self) -> None:
        self.double.forge = None

    def encoded_again(self, raw: bytes) -> bytes:
        # The signature is over the values, so that only a framework that takes them for another charset breaks it.
        return urlencode(parse_qsl(raw.decode(), encoding="gbk", errors="replace")).encode()

    def finish_refund(self, number: str) -> None:
        self.double.not_known_yet.discard(number)

    def refund_told(self, number: str, what: str = "") -> Told:
        (order,) = (order for order, trade in self.double.trades.items() if number in trade["refunds"])
        changes = {"merchant": {"seller_id": "2088521231912069"}, "refund": {"out_biz_no": "0" * 32}}
        return self.double.refund_notice(order, number, **changes.get(what, {}))

    def refunded_fen(self, number: str) -> int:
        return self.double.refunded_fen(self.double.trades[number])


RIGS: dict[str, Callable[[], Rig]] = {
    "alipay-app": lambda: AlipayRig(AlipayDouble(), "app"),
    "alipay-certificates": lambda: AlipayRig(certificate_double(), "precreate"),
    "alipay-precreate": lambda: AlipayRig(AlipayDouble(), "precreate"),
    "unionpay": lambda: UnionpayRig(UnionpayDouble()),
    "wechat": lambda: WechatRig(WechatDouble()),
    "wechat-public-key": lambda: WechatRig(public_key_double()),
}


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[None]:
    port = free_port()
    rig.configure(f"http://127.0.0.1:{port}")
    async with served(rig.app(), port):
        yield
