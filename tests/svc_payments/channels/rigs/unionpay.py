"""UnionPay's double behind the `Rig` interface."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import httpx
from starlette.applications import Starlette

from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.doubles.unionpay import UnionpayDouble, strange_signer, written
from tests.svc_payments.channels.rigs.contract import RawNotice


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

    def paid_notice(self, number: str) -> RawNotice:
        return self.double.notice(number), {"Content-Type": "application/x-www-form-urlencoded"}

    def wrong_notice(self, number: str, what: str) -> RawNotice:
        changes: dict[str, dict[str, Any]] = {
            "merchant": {"merId": "898650149000002"},
            "amount": {"txnAmt": "4139"},
            "currency": {"currencyCode": "840"},
            "order": {"orderId": "0" * 32},
        }
        return self.double.notice(number, **changes[what]), {}

    def tampered(self, notice: RawNotice) -> RawNotice:
        raw, headers = notice
        return raw.replace(b"txnAmt=4140", b"txnAmt=4139"), headers

    def forged(self, number: str) -> RawNotice:
        return self.double.notice(number, sign_with=strange_signer()), {}

    def unsigned(self, notice: RawNotice) -> RawNotice:
        raw, headers = notice
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
        # Parsed but not escaped again, so each + of the signature is read as a space.
        return "&".join(f"{name}={value}" for name, value in parse_qsl(raw.decode())).encode()

    def finish_refund(self, number: str) -> None:
        self.double.finish_refund(number)

    def refund_notice(self, number: str, what: str = "") -> RawNotice:
        changes: dict[str, dict[str, Any]] = {
            "merchant": {"merId": "898650149000002"},
            "refund": {"orderId": "0" * 32},
        }
        return self.double.notice(number, **changes.get(what, {})), {}

    def refunded_fen(self, number: str) -> int:
        return self.double.gone(self.double.of(number)["queryId"])
