"""WeChat Pay: its four ways to pay, its two kinds of keys and how they change, its probes, what it tells of refunds."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
import pytest_asyncio
import time_machine
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from chassis.db import new_id, now
from chassis.signatures import MAX_CLOCK_SKEW
from svc_payments.channels.notices import NoticeMalformed, NoticeNotAuthentic, PaidNotice, RefundNotice
from svc_payments.channels.provider import (
    ChannelName,
    Order,
    Paid,
    Payer,
    Refunded,
    Refunding,
    RefundOrder,
    RefundRefused,
    Refused,
    Unclear,
    Waiting,
)
from svc_payments.channels.registry import open_channels
from svc_payments.channels.wechat import keys
from svc_payments.channels.wechat.client import WechatChannel
from svc_payments.settings import Settings
from tests.svc_payments.channels.doubles.parties import Certified, certified, key_of
from tests.svc_payments.channels.doubles.wechat import (
    APP,
    MERCHANT,
    MOBILE_APP,
    OPEN_ID,
    WechatDouble,
    public_key_double,
)
from tests.svc_payments.channels.rigs import WechatRig, running
from tests.svc_payments.world import World

PAYER = Payer(OPEN_ID, "36.189.12.7")
NEXT = "Tenpay.com, the next certificate"


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[WechatRig]:
    rig = WechatRig(WechatDouble())
    async with running(rig):
        yield rig


@pytest_asyncio.fixture
async def by_public_key() -> AsyncIterator[WechatRig]:
    rig = WechatRig(public_key_double())
    async with running(rig):
        yield rig


@pytest.fixture
def settings(settings: Settings, rig: WechatRig) -> Settings:
    """Settings with which the channel is offered."""
    return settings.model_copy(update={"wechat": rig.settings})


@pytest_asyncio.fixture
async def channel(settings: Settings) -> AsyncIterator[WechatChannel]:
    async with open_channels(settings) as channels:
        yield cast(WechatChannel, channels[ChannelName.WECHAT])


@pytest.fixture
def double(rig: WechatRig) -> WechatDouble:
    return rig.double


def new_order(method: str = "native", payer: Payer = PAYER) -> Order:
    return Order(new_id().hex, 4140, now() + timedelta(minutes=5), method, payer)


async def placed(channel: WechatChannel, method: str = "native") -> Order:
    order = new_order(method)
    assert isinstance(await channel.place(order), Waiting)
    return order


async def paid(channel: WechatChannel, double: WechatDouble) -> Order:
    order = await placed(channel)
    double.pay(order.number)
    return order


def lower(headers: dict[str, str]) -> dict[str, str]:
    """As they are looked up."""
    return {name.lower(): value for name, value in headers.items()}


def signed_by_us(double: WechatDouble, signature: str, *lines: str) -> None:
    message = "".join(f"{line}\n" for line in lines).encode()
    double.merchant.key.public_key().verify(base64.b64decode(signature), message, PKCS1v15(), hashes.SHA256())


class TestWaysToPay:
    async def test_native_gives_a_code_to_scan(self, channel: WechatChannel) -> None:
        answer = await channel.place(new_order("native"))
        assert isinstance(answer, Waiting)
        assert answer.pay_url
        assert answer.pay_url.startswith("weixin://wxpay/")
        assert answer.pay_parameters is None

    async def test_h5_gives_an_address_to_open(self, channel: WechatChannel, double: WechatDouble) -> None:
        order = new_order("h5")
        answer = await channel.place(order)
        assert isinstance(answer, Waiting)
        assert answer.pay_url
        assert answer.pay_url.startswith("https://wx.tenpay.com/")
        wanted = double.orders[order.number]["wanted"]
        assert wanted["scene_info"] == {"payer_client_ip": PAYER.address, "h5_info": {"type": "Wap"}}

    async def test_jsapi_gives_what_the_page_in_wechat_is_called_with(
        self, channel: WechatChannel, double: WechatDouble
    ) -> None:
        order = new_order("jsapi")
        answer = await channel.place(order)
        assert isinstance(answer, Waiting)
        assert answer.pay_url is None
        given = dict(answer.pay_parameters or {})
        assert (given["appId"], given["signType"]) == (APP, "RSA")
        assert given["package"].startswith("prepay_id=wx")
        signed_by_us(double, given["paySign"], APP, given["timeStamp"], given["nonceStr"], given["package"])
        assert double.orders[order.number]["wanted"]["payer"] == {"openid": OPEN_ID}

    async def test_app_gives_what_the_sdk_is_called_with(self, channel: WechatChannel, double: WechatDouble) -> None:
        answer = await channel.place(new_order("app"))
        assert isinstance(answer, Waiting)
        given = dict(answer.pay_parameters or {})
        assert (given["appid"], given["partnerid"], given["package"]) == (MOBILE_APP, MERCHANT, "Sign=WXPay")
        signed_by_us(double, given["sign"], MOBILE_APP, given["timestamp"], given["noncestr"], given["prepayid"])

    @pytest.mark.parametrize("method", ["native", "h5", "jsapi", "app"])
    async def test_each_way_is_paid_and_asked_about_alike(
        self, channel: WechatChannel, double: WechatDouble, method: str
    ) -> None:
        order = await placed(channel, method)
        assert await channel.query(order) == Waiting()
        double.pay(order.number)
        assert isinstance(await channel.query(order), Paid)

    @pytest.mark.parametrize("method", ["jsapi", "h5"])
    async def test_what_only_the_payers_own_request_brings_is_not_made_up(
        self, channel: WechatChannel, double: WechatDouble, method: str
    ) -> None:
        assert await channel.place(new_order(method, Payer())) == Unclear("payer_not_known")
        assert not double.orders


class TestAnswers:
    @pytest.mark.parametrize("code", ["PARAM_ERROR", "RULE_LIMIT"])
    async def test_words_about_the_content_refuse_an_order(
        self, channel: WechatChannel, double: WechatDouble, code: str
    ) -> None:
        double.faults.append(("/native", 400, code))
        assert await channel.place(new_order()) == Refused(code.replace("_", ""))

    @pytest.mark.parametrize("code", ["SYSTEM_ERROR", "FREQUENCY_LIMITED", "SIGN_ERROR", "NO_AUTH"])
    async def test_words_about_anything_else_do_not(
        self, channel: WechatChannel, double: WechatDouble, code: str
    ) -> None:
        double.faults.append(("/native", 403, code))
        assert await channel.place(new_order()) == Unclear(code.replace("_", ""))

    @pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
    async def test_one_that_was_cut_is_none(self, channel: WechatChannel, double: WechatDouble, part: float) -> None:
        order = await paid(channel, double)
        double.forge = lambda headers, body: (headers, body[: int(len(body) * part)])
        assert await channel.query(order) == Unclear("wrong_signature_200_")

    async def test_one_without_a_signature_is_none(self, channel: WechatChannel, double: WechatDouble) -> None:
        order = await paid(channel, double)
        double.forge = lambda _, body: ({}, body)
        assert isinstance(await channel.query(order), Unclear)

    async def test_one_of_another_time_is_none(self, channel: WechatChannel, double: WechatDouble) -> None:
        order = await paid(channel, double)
        old = str(int(now().timestamp()) - MAX_CLOCK_SKEW - 5)
        double.forge = lambda headers, body: (headers | {"Wechatpay-Timestamp": old}, body)
        assert await channel.query(order) == Unclear("clock_skew_200_")

    async def test_one_about_another_order_is_none(self, channel: WechatChannel, double: WechatDouble) -> None:
        first, second = await paid(channel, double), await placed(channel)
        double.orders[second.number] = double.orders[first.number]
        assert await channel.query(second) == Unclear("other_order")

    @pytest.mark.parametrize(
        ("state", "answer"), [("USERPAYING", Waiting()), ("REFUND", Unclear("refunded_elsewhere"))]
    )
    async def test_states_mean_what_wechat_pay_says(
        self, channel: WechatChannel, double: WechatDouble, state: str, answer: object
    ) -> None:
        order = await paid(channel, double)
        double.set_state(order.number, state)
        assert await channel.query(order) == answer


class TestProbes:
    """Wrong signatures that begin like this are sent on purpose: who takes them checks nothing."""

    async def test_one_among_the_notices_is_refused(self, channel: WechatChannel, double: WechatDouble) -> None:
        order = await paid(channel, double)
        raw, headers = double.paid_notice(order.number)
        probe = headers | {"Wechatpay-Signature": f"WECHATPAY/SIGNTEST/{headers['Wechatpay-Signature']}"}
        with pytest.raises(NoticeNotAuthentic) as refused:
            await channel.read_notice(lower(probe), raw)
        assert refused.value.values == {"reason": "probe"}
        assert isinstance(await channel.read_notice(lower(headers), raw), PaidNotice)

    async def test_the_answer_to_one_says_that_it_failed(self, world: World, double: WechatDouble) -> None:
        raw, headers = double.notice("TRANSACTION.SUCCESS", "transaction", {"mchid": MERCHANT})
        probe = headers | {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]}
        answer = await world.api.post("/payments/v1/channels/wechat/notices", content=raw, headers=probe)
        assert (answer.status_code, answer.json()) == (401, {"code": "FAIL", "message": "notice_not_authentic"})
        assert await world.incidents() == []

    async def test_one_among_the_answers_is_no_answer(self, channel: WechatChannel, double: WechatDouble) -> None:
        order = await paid(channel, double)
        double.forge = lambda headers, body: (headers | {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/abcd"}, body)
        assert await channel.query(order) == Unclear("probe_200_")
        double.forge = None
        assert isinstance(await channel.query(order), Paid)


class TestKeys:
    async def read(self, channel: WechatChannel, double: WechatDouble, number: str, by: Certified) -> Any:  # noqa: ANN401 - a notice
        raw, headers = double.paid_notice(number, sign_with=by)
        return await channel.read_notice(lower(headers), raw)

    async def test_the_next_certificate_is_fetched_when_something_is_signed_with_it(
        self, channel: WechatChannel, double: WechatDouble, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keys, "REFRESH_SECONDS", 0.0)
        order = await paid(channel, double)
        old = double.platforms[0]
        double.platforms.append(certified(NEXT))
        assert isinstance(await channel.query(order), Paid)
        for by in (double.platforms[1], old):
            assert isinstance(await self.read(channel, double, order.number, by), PaidNotice)

    async def test_a_certificate_past_its_date_is_not_believed(
        self, channel: WechatChannel, double: WechatDouble, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keys, "REFRESH_SECONDS", 0.0)
        order = await paid(channel, double)
        expired = certified(NEXT, until=now() - timedelta(seconds=5))
        double.platforms.insert(0, expired)
        with pytest.raises(NoticeNotAuthentic):
            await self.read(channel, double, order.number, expired)

    async def test_serials_that_nobody_knows_make_us_ask_once(
        self, channel: WechatChannel, double: WechatDouble
    ) -> None:
        order = await paid(channel, double)
        asked = len(double.requests)
        for _ in range(3):
            with pytest.raises(NoticeNotAuthentic):
                await self.read(channel, double, order.number, certified("Somebody"))
        assert len(double.requests) == asked

    async def test_certificates_under_another_key_are_not_believed(
        self, settings: Settings, rig: WechatRig, double: WechatDouble
    ) -> None:
        order = new_order()
        stranger = WechatDouble()
        wrong = rig.settings.model_copy(update={"api_key": stranger.settings(double.base_url).api_key})
        async with open_channels(settings.model_copy(update={"wechat": wrong})) as channels:
            assert isinstance(await channels[ChannelName.WECHAT].place(order), Unclear)

    async def test_a_merchant_moves_from_certificates_to_the_public_key(
        self, settings: Settings, by_public_key: WechatRig
    ) -> None:
        double = by_public_key.double
        async with open_channels(settings.model_copy(update={"wechat": by_public_key.settings})) as channels:
            channel = cast(WechatChannel, channels[ChannelName.WECHAT])
            order = await paid(channel, double)
            assert isinstance(await channel.query(order), Paid)
            # While WeChat Pay changes over it still signs some with its certificate.
            assert isinstance(await self.read(channel, double, order.number, double.platforms[-1]), PaidNotice)

    async def test_another_public_key_under_the_same_id_is_not_believed(
        self, settings: Settings, by_public_key: WechatRig
    ) -> None:
        double = by_public_key.double
        async with open_channels(settings.model_copy(update={"wechat": by_public_key.settings})) as channels:
            channel = cast(WechatChannel, channels[ChannelName.WECHAT])
            order = await paid(channel, double)
            double.public_key = key_of("Somebody's public key")
            raw, headers = double.paid_notice(order.number)
            with pytest.raises(NoticeNotAuthentic):
                await channel.read_notice(lower(headers), raw)


class TestNotices:
    @pytest.mark.parametrize("seconds", [-MAX_CLOCK_SKEW - 5, MAX_CLOCK_SKEW + 5])
    async def test_one_of_another_time_is_refused(
        self, channel: WechatChannel, double: WechatDouble, seconds: int
    ) -> None:
        order = await paid(channel, double)
        with time_machine.travel(now() + timedelta(seconds=seconds), tick=False):
            raw, headers = double.paid_notice(order.number)
        with pytest.raises(NoticeNotAuthentic) as refused:
            await channel.read_notice(lower(headers), raw)
        assert refused.value.values == {"reason": "clock_skew"}

    async def test_one_that_our_key_does_not_open_is_refused(
        self, channel: WechatChannel, double: WechatDouble
    ) -> None:
        order = await paid(channel, double)
        double.api_key = b"0" * 32
        raw, headers = double.paid_notice(order.number)
        with pytest.raises(NoticeMalformed):
            await channel.read_notice(lower(headers), raw)

    @pytest.mark.parametrize("change", [{"trade_state": "NOTPAY"}, {"transaction_id": ""}, {"success_time": ""}])
    async def test_a_payment_without_its_proof_is_refused(
        self, channel: WechatChannel, double: WechatDouble, change: dict[str, Any]
    ) -> None:
        order = await paid(channel, double)
        raw, headers = double.paid_notice(order.number, **change)
        with pytest.raises(NoticeMalformed):
            await channel.read_notice(lower(headers), raw)


class TestRefunds:
    @pytest_asyncio.fixture
    async def refund(self, channel: WechatChannel, double: WechatDouble) -> RefundOrder:
        order = await paid(channel, double)
        known = await channel.query(order)
        assert isinstance(known, Paid)
        return RefundOrder(new_id().hex, order.number, known.transaction_id, 1000, 4140)

    async def test_one_number_stands_for_one_amount(
        self, channel: WechatChannel, double: WechatDouble, refund: RefundOrder
    ) -> None:
        assert await channel.refund(refund) == Refunding()
        assert await channel.refund(replace(refund, amount_fen=900)) == Refunding()
        assert double.refunds[refund.number]["amount"]["refund"] == 1000

    @pytest.mark.parametrize("code", ["NOT_ENOUGH", "SYSTEM_ERROR", "FREQUENCY_LIMITED"])
    async def test_what_may_pass_leaves_it_open(
        self, channel: WechatChannel, double: WechatDouble, refund: RefundOrder, code: str
    ) -> None:
        double.faults.append(("/refunds", 403, code))
        assert await channel.refund(refund) == Unclear(code.replace("_", ""))
        assert await channel.refund(refund) == Refunding()

    @pytest.mark.parametrize(
        ("status", "kind"), [("SUCCESS", Refunded), ("CLOSED", RefundRefused), ("ABNORMAL", RefundRefused)]
    )
    async def test_a_notice_says_how_it_ended(
        self, channel: WechatChannel, double: WechatDouble, refund: RefundOrder, status: str, kind: type
    ) -> None:
        await channel.refund(refund)
        double.finish_refund(refund.number, status)
        raw, headers = double.refund_notice(refund.number)
        notice = await channel.read_notice(lower(headers), raw)
        assert isinstance(notice, RefundNotice)
        assert (notice.merchant_id, notice.refund_number) == (MERCHANT, refund.number)
        assert isinstance(notice.answer, kind)
        assert type(await channel.query_refund(refund)) is kind
