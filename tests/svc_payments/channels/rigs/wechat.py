"""WeChat Pay's double behind the `Rig` interface."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.applications import Starlette

from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.doubles.parties import certified
from tests.svc_payments.channels.doubles.wechat import WechatDouble
from tests.svc_payments.channels.rigs.contract import RawNotice


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
        """Nothing to do: WeChat Pay knows an order once it is placed."""

    def pay(self, number: str) -> None:
        self.double.pay(number)

    def paid_notice(self, number: str) -> RawNotice:
        return self.double.paid_notice(number)

    def wrong_notice(self, number: str, what: str) -> RawNotice:
        changes: dict[str, dict[str, Any]] = {
            "merchant": {"mchid": "1900000110"},
            "amount": {"amount": {"total": 4139, "currency": "CNY"}},
            "currency": {"amount": {"total": 4140, "currency": "USD"}},
            "order": {"out_trade_no": "0" * 32},
        }
        return self.double.paid_notice(number, **changes[what])

    def tampered(self, notice: RawNotice) -> RawNotice:
        raw, headers = notice
        return raw.replace(b"encrypt-resource", b"encrypt-resourcf"), headers

    def forged(self, number: str) -> RawNotice:
        stranger = WechatDouble(
            platforms=[certified("Somebody")], api_key=self.double.api_key, orders=self.double.orders
        )
        raw, headers = stranger.paid_notice(number)
        return raw, headers | {"Wechatpay-Serial": self.double.sign(b"")["Wechatpay-Serial"]}

    def unsigned(self, notice: RawNotice) -> RawNotice:
        return notice[0], {}

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

    def refund_notice(self, number: str, what: str = "") -> RawNotice:
        changes = {"merchant": {"mchid": "1900000110"}, "refund": {"out_refund_no": "0" * 32}}
        return self.double.refund_notice(number, **changes.get(what, {}))

    def refunded_fen(self, number: str) -> int:
        refunds = self.double.refunds.values()
        return sum(refund["amount"]["refund"] for refund in refunds if refund["out_trade_no"] == number)
