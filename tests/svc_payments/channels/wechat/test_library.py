"""Interoperability of our WeChat Pay client and double with the independent `wechatpayv3`."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
import time_machine
from wechatpayv3.async_ import AsyncWeChatPay, WeChatPayType
from wechatpayv3.utils import aes_decrypt, build_authorization, load_private_key, rsa_sign, rsa_verify

from chassis.db import new_id, now
from svc_payments.channels.provider import Order, Payer
from svc_payments.channels.wechat.payment_methods import content_of, way_to_pay
from svc_payments.channels.wechat.signatures import Encrypted, Merchant, Signed
from svc_payments.settings.channels import WechatSettings
from tests.svc_payments.channels.doubles.parties import certified, private_pem, public_pem
from tests.svc_payments.channels.doubles.wechat import WechatDouble, public_key_double
from tests.svc_payments.channels.doubles.wechat_protocol import APP, MERCHANT, OPEN_ID
from tests.svc_payments.channels.rigs.registry import running
from tests.svc_payments.channels.rigs.wechat import WechatRig

NOTICES = "https://my.example/payments/v1/channels/wechat/notices"
TYPES = {
    "native": WeChatPayType.NATIVE,
    "jsapi": WeChatPayType.JSAPI,
    "app": WeChatPayType.APP,
    "h5": WeChatPayType.H5,
}


@pytest_asyncio.fixture(params=[WechatDouble, public_key_double], ids=["certificates", "public key"])
async def double(request: pytest.FixtureRequest) -> AsyncIterator[WechatDouble]:
    """A running double in each of WeChat Pay's two modes."""
    rig = WechatRig(request.param())
    async with running(rig):
        yield rig.double


@pytest.fixture
def settings(double: WechatDouble) -> WechatSettings:
    return double.settings(double.base_url)


@pytest.fixture
def merchant(double: WechatDouble) -> Merchant:
    return Merchant(MERCHANT, double.merchant.serial, double.merchant.key)


@pytest_asyncio.fixture
async def library(double: WechatDouble) -> AsyncIterator[AsyncWeChatPay]:
    public = {"public_key": public_pem(double.public_key)} if double.public_key else {}
    if public:
        public["public_key_id"] = double.public_key_id
    client = AsyncWeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=MERCHANT,
        private_key=private_pem(double.merchant.key),
        cert_serial_no=double.merchant.serial,
        appid=APP,
        apiv3_key=double.api_key.decode(),
        notify_url=NOTICES,
        **public,
    )
    # The library has WeChat Pay's real URL hard-coded.
    client._core._gate_way = double.base_url  # noqa: SLF001
    async with client:
        yield client


def an_order(method: str) -> Order:
    return Order(new_id().hex, 4140, now() + timedelta(minutes=5), method, Payer(OPEN_ID, "36.189.12.7"))


@pytest.mark.parametrize("method", ["native", "jsapi", "app", "h5"])
async def test_it_can_order_at_our_double_and_ask_and_close(
    library: AsyncWeChatPay, double: WechatDouble, settings: WechatSettings, method: str
) -> None:
    """Shows that the double follows WeChat Pay's protocol, not only our client's use of it."""
    order = an_order(method)
    content = content_of(order, method, settings, NOTICES)
    known = ("description", "out_trade_no", "amount", "payer", "scene_info", "time_expire", "notify_url", "appid")
    arguments = {name: content[name] for name in known if name in content}
    status, _ = await library.pay(pay_type=TYPES[method], **arguments)
    assert status == 200
    assert double.orders[order.number]["wanted"] == {**content, "method": method}
    status, answer = await library.query(out_trade_no=order.number)
    assert (status, json.loads(answer)["trade_state"]) == (200, "NOTPAY")
    assert (await library.close(order.number))[0] == 204


async def test_it_can_give_back_at_our_double(library: AsyncWeChatPay, double: WechatDouble) -> None:
    number, refund = new_id().hex, new_id().hex
    order = {"description": "x", "out_trade_no": number, "amount": {"total": 4140, "currency": "CNY"}}
    expires = (now() + timedelta(minutes=5)).astimezone().isoformat()
    double.check_order = lambda *_: None  # type: ignore[method-assign]  # the library leaves out what we always say
    assert (await library.pay(**order, time_expire=expires))[0] == 200
    paid = double.pay(number)
    amount = {"refund": 1000, "total": 4140, "currency": "CNY"}
    status, answer = await library.refund(
        out_refund_no=refund, amount=amount, transaction_id=paid["transaction_id"], notify_url=NOTICES
    )
    assert (status, json.loads(answer)["status"]) == (200, "PROCESSING")
    double.finish_refund(refund)
    status, answer = await library.query_refund(refund)
    assert (status, json.loads(answer)["status"]) == (200, "SUCCESS")


async def test_it_opens_the_notices_of_our_double(library: AsyncWeChatPay, double: WechatDouble) -> None:
    event = {"mchid": MERCHANT, "out_trade_no": "a" * 32, "amount": {"total": 4140}, "备注": "测试"}
    raw, headers = double.notice("TRANSACTION.SUCCESS", "transaction", event)
    assert library.callback(headers, raw)["resource"] == event
    assert library.callback(headers, raw.replace(b"transaction", b"transactiom")) is None
    probe = headers | {"Wechatpay-Signature": f"WECHATPAY/SIGNTEST/{headers['Wechatpay-Signature']}"}
    assert library.callback(probe, raw) is None


async def test_requests_are_authorised_alike(double: WechatDouble, merchant: Merchant) -> None:
    """RSASSA-PKCS1-v1_5 is deterministic, so both must produce the same bytes."""
    body, path, nonce = (
        '{"description": "我的伊犁"}',
        "/v3/pay/transactions/native?x=1",
        "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
    )
    with time_machine.travel(now(), tick=False):
        moment = int(now().timestamp())
        ours = merchant.authorization("POST", path, body.encode(), moment, nonce)
        theirs = build_authorization(
            path, "POST", MERCHANT, merchant.serial, load_private_key(private_pem(merchant.key)), body, nonce
        )
    assert ours == theirs


@pytest.mark.parametrize(
    ("method", "signed", "names"),
    [
        ("jsapi", "paySign", ("appId", "timeStamp", "nonceStr", "package")),
        ("app", "sign", ("appid", "timestamp", "noncestr", "prepayid")),
    ],
)
async def test_what_the_payers_phone_is_given_is_signed_alike(
    library: AsyncWeChatPay, settings: WechatSettings, merchant: Merchant, method: str, signed: str, names: tuple[str]
) -> None:
    given = dict(
        way_to_pay(b'{"prepay_id": "wx201410272009395522657"}', method, settings, merchant).pay_parameters or {}
    )
    assert given[signed] == library.sign([given[name] for name in names])


async def test_what_it_signs_is_right_to_us(double: WechatDouble) -> None:
    signer = double.platforms[-1]
    body, moment, nonce = '{"code": "SUCCESS"}', str(int(now().timestamp())), "n" * 32
    headers = {
        "wechatpay-serial": signer.serial,
        "wechatpay-timestamp": moment,
        "wechatpay-nonce": nonce,
        "wechatpay-signature": rsa_sign(signer.key, f"{moment}\n{nonce}\n{body}\n"),
    }
    Signed.of(headers).check(signer.key.public_key(), body.encode())


async def test_what_we_sign_is_right_to_it(merchant: Merchant) -> None:
    body = '{"mchid": "1900000109"}'
    signature = merchant.sign("1790000000", "nonce", body)
    assert rsa_verify("1790000000", "nonce", body, signature, merchant.key.public_key())
    assert not rsa_verify("1790000001", "nonce", body, signature, merchant.key.public_key())


async def test_secrets_are_opened_alike(double: WechatDouble) -> None:
    sealed: dict[str, Any] = double.sealed("平台证书".encode(), "certificate")
    ours = Encrypted(**sealed).open(double.api_key).decode()
    names = ("nonce", "ciphertext", "associated_data")
    theirs = aes_decrypt(**{name: sealed[name] for name in names}, apiv3_key=double.api_key.decode())
    assert ours == theirs == "平台证书"


class TestWhyItIsNotOurClient:
    """The reasons of decision 0050: a failing test here reopens the decision."""

    async def test_it_does_not_look_at_the_time_of_a_notice(
        self, library: AsyncWeChatPay, double: WechatDouble
    ) -> None:
        with time_machine.travel(now() - timedelta(days=30), tick=False):
            raw, headers = double.notice("TRANSACTION.SUCCESS", "transaction", {"mchid": MERCHANT})
        assert library.callback(headers, raw) is not None

    async def test_its_notices_do_not_fetch_a_new_certificate(self) -> None:
        rig = WechatRig(WechatDouble())
        double = rig.double
        async with running(rig):
            client = AsyncWeChatPay(
                wechatpay_type=WeChatPayType.NATIVE,
                mchid=MERCHANT,
                private_key=private_pem(double.merchant.key),
                cert_serial_no=double.merchant.serial,
                appid=APP,
                apiv3_key=double.api_key.decode(),
            )
            client._core._gate_way = double.base_url  # noqa: SLF001
            async with client:
                double.platforms.append(certified("Tenpay.com, the next certificate"))
                raw, headers = double.notice("TRANSACTION.SUCCESS", "transaction", {"mchid": MERCHANT})
                assert client.callback(headers, raw) is None

    async def test_it_accepts_unsigned_refusals(self, library: AsyncWeChatPay, double: WechatDouble) -> None:
        double.forge = lambda _, body: ({}, body)
        status, answer = await library.query(out_trade_no="0" * 32)
        assert (status, b"ORDER_NOT_EXIST" in (answer if isinstance(answer, bytes) else answer.encode())) == (404, True)
