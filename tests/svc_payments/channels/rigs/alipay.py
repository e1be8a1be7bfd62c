"""Alipay's double behind the `Rig` interface."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from starlette.applications import Starlette

from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.doubles.alipay import AlipayDouble
from tests.svc_payments.channels.doubles.alipay_protocol import signature
from tests.svc_payments.channels.doubles.parties import key_of
from tests.svc_payments.channels.rigs.contract import RawNotice


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

    def paid_notice(self, number: str) -> RawNotice:
        return self.double.notice(number)

    def wrong_notice(self, number: str, what: str) -> RawNotice:
        changes: dict[str, dict[str, Any]] = {
            "merchant": {"seller_id": "2088521231912069"},
            "amount": {"total_amount": "41.39"},
            "currency": {"trans_currency": "USD"},
            "order": {"out_trade_no": "0" * 32},
        }
        return self.double.notice(number, **changes[what])

    def tampered(self, notice: RawNotice) -> RawNotice:
        raw, headers = notice
        return raw.replace(b"trade_status_sync", b"trade_status_synd"), headers

    def forged(self, number: str) -> RawNotice:
        return self.double.notice(number, sign_with=key_of("Somebody"))

    def unsigned(self, notice: RawNotice) -> RawNotice:
        raw, headers = notice
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
        # The signature covers the values, so only decoding with another charset breaks it.
        return urlencode(parse_qsl(raw.decode(), encoding="gbk", errors="replace")).encode()

    def finish_refund(self, number: str) -> None:
        self.double.not_known_yet.discard(number)

    def refund_notice(self, number: str, what: str = "") -> RawNotice:
        (order,) = (order for order, trade in self.double.trades.items() if number in trade["refunds"])
        changes = {"merchant": {"seller_id": "2088521231912069"}, "refund": {"out_biz_no": "0" * 32}}
        return self.double.refund_notice(order, number, **changes.get(what, {}))

    def refunded_fen(self, number: str) -> int:
        return self.double.refunded_fen(self.double.trades[number])
