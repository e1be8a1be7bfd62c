"""Interoperability of our Alipay client and double with the independent `python-alipay-sdk`."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from alipay import AliPay, DCAliPay
from alipay.exceptions import AliPayException, AliPayValidationError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from chassis.db import new_id, now
from svc_payments.channels.alipay.client import AlipayChannel
from svc_payments.channels.alipay.signatures import certificates_named
from svc_payments.channels.notices import PaidNotice
from svc_payments.channels.provider import Paid, Unclear
from tests.svc_payments.channels.alipay.payments import order_of, paid_order, refund_of
from tests.svc_payments.channels.doubles.alipay import AlipayDouble
from tests.svc_payments.channels.doubles.alipay_protocol import APP, moment_text, yuan
from tests.svc_payments.channels.doubles.parties import key_of, private_pem, public_pem

NOTICES = "https://my.example/payments/v1/channels/alipay/notices"
Answer = dict[str, Any]


class Library(AliPay):  # type: ignore[misc]  # it ships no types
    """The library pointed at the double; its gateway URL is a constant."""

    def __init__(self, double: AlipayDouble) -> None:
        super().__init__(
            appid=APP,
            app_notify_url=NOTICES,
            app_private_key_string=private_pem(double.app_key),
            alipay_public_key_string=public_pem(double.key),
        )
        self._gateway = f"{double.base_url}/gateway.do"

    async def call(self, method: str, **content: Any) -> Answer:  # noqa: ANN401 - JSON
        # The library sends local time; Alipay expects Beijing time.
        notify = {"notify_url": NOTICES} if method == "alipay.trade.precreate" else {}
        answer: Answer = await asyncio.to_thread(self.server_api, method, content, timestamp=moment_text(), **notify)
        return answer


@pytest.fixture
def library(alipay: AlipayDouble) -> Library:
    alipay.free_text = "营业厅"
    return Library(alipay)


async def test_the_library_orders_asks_refunds_and_closes_at_our_double(library: Library, alipay: AlipayDouble) -> None:
    number, request = new_id().hex, new_id().hex
    order = {
        "out_trade_no": number,
        "total_amount": "41.40",
        "subject": "test",
        "product_code": "FACE_TO_FACE_PAYMENT",
        "time_expire": moment_text(now() + timedelta(minutes=5)),
    }
    answer = await library.call("alipay.trade.precreate", **order)
    assert (await library.call("alipay.trade.query", out_trade_no=number))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    alipay.follow(answer["qr_code"], None)
    alipay.pay(number)
    assert (await library.call("alipay.trade.query", out_trade_no=number))["trade_status"] == "TRADE_SUCCESS"
    refund = {"out_trade_no": number, "out_request_no": request}
    assert (await library.call("alipay.trade.refund", refund_amount="1.00", **refund))["fund_change"] == "Y"
    known = await library.call("alipay.trade.fastpay.refund.query", **refund)
    assert (known["refund_status"], known["refund_amount"]) == ("REFUND_SUCCESS", "1.00")
    assert (await library.call("alipay.trade.close", out_trade_no=number))["code"] == "40004"


async def test_the_library_pays_and_refunds_what_our_client_began(
    library: Library, channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order, transaction_id = await paid_order(channel, alipay)
    known = await library.call("alipay.trade.query", out_trade_no=order.number)
    ours = await channel.query(order)
    assert isinstance(ours, Paid)
    assert (known["trade_no"], known["total_amount"]) == (ours.transaction_id, yuan(ours.amount_fen))
    refund = refund_of(order, transaction_id, 1000)
    await channel.refund(refund)
    again = await library.call(
        "alipay.trade.refund", trade_no=transaction_id, out_request_no=refund.number, refund_amount="10.00"
    )
    assert again["fund_change"] == "N"


@pytest.mark.parametrize("method", ["page", "wap", "app"])
async def test_both_sign_an_order_with_the_same_bytes(
    library: Library, channel: AlipayChannel, alipay: AlipayDouble, method: str
) -> None:
    answer = await channel.place(order_of(method))
    text = answer.pay_url.partition("?")[2] if answer.pay_url else answer.pay_parameters["orderStr"]  # type: ignore[union-attr,index]
    ours = dict(parse_qsl(text))
    theirs = dict(parse_qsl(library.sign_data({name: value for name, value in ours.items() if name != "sign"})))
    assert theirs == ours
    assert json.loads(ours["biz_content"])["total_amount"] == "41.40"


async def test_the_library_verifies_the_doubles_notices(
    library: Library, channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order, _ = await paid_order(channel, alipay)
    notice = dict(parse_qsl(alipay.notice(order.number)[0].decode()))
    assert library.verify(notice, notice.pop("sign"))


async def test_both_refuse_an_answer_that_was_changed(
    library: Library, channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order, _ = await paid_order(channel, alipay)
    alipay.mangle = lambda body: body.replace(b"41.40", b"41.41")
    assert await channel.query(order) == Unclear("wrong_signature_200")
    with pytest.raises(AliPayValidationError):
        await library.call("alipay.trade.query", out_trade_no=order.number)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # raised by the library itself
def test_both_name_certificates_alike() -> None:
    name = {
        x509.NameOID.COMMON_NAME: "Sample Certification Authority Class 2 R1",
        x509.NameOID.ORGANIZATIONAL_UNIT_NAME: "Certification Authority",
        x509.NameOID.ORGANIZATION_NAME: "Sample",
        x509.NameOID.COUNTRY_NAME: "CN",
    }
    issuer = x509.Name([x509.NameAttribute(kind, value) for kind, value in reversed(name.items())])
    pems = []
    for number in range(2):
        key = key_of(f"Sample {number}")
        certificate = x509.CertificateBuilder(issuer, issuer, key.public_key(), 10**30 + number, now(), now())
        pems.append(certificate.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode())
    own, roots = pems[0], "\n".join(pems)
    assert certificates_named(own, roots) == {
        "app_cert_sn": DCAliPay.get_cert_sn(own),
        "alipay_root_cert_sn": DCAliPay.get_root_cert_sn(roots),
    }


# The reasons against the library (docs/decisions/0051): a failing test here reopens the decision.


async def test_the_library_still_misparses_texts_with_brackets(
    library: Library, channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order, _ = await paid_order(channel, alipay)
    alipay.free_text = '营业厅 "}],{" 一'
    assert isinstance(await channel.query(order), Paid)
    with pytest.raises(AliPayValidationError):
        await library.call("alipay.trade.query", out_trade_no=order.number)


async def test_the_library_still_accepts_unsigned_refusals(library: Library, alipay: AlipayDouble) -> None:
    alipay.mangle = lambda body: body.partition(b',"sign"')[0] + b"}"
    with pytest.raises(AliPayException) as refusal:
        await library.call("alipay.trade.query", out_trade_no="0")
    assert str(refusal.value).startswith("AliPayException: code:40004")


async def test_the_library_still_reads_every_notice_as_utf_8(
    library: Library, channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order, _ = await paid_order(channel, alipay)
    alipay.charset = "gbk"
    raw, headers = alipay.notice(order.number)
    assert isinstance(await channel.read_notice(headers, raw), PaidNotice)
    notice = dict(parse_qsl(raw.decode(), encoding="gbk"))
    assert not library.verify(notice, notice.pop("sign"))
