"""WeChat Pay's orders: the four payment methods, and verification of answers."""

import pytest

from chassis.db import now
from kit.signatures.refusals import MAX_CLOCK_SKEW
from svc_payments.channels.provider import Paid, Payer, Refused, Unclear, Waiting
from svc_payments.channels.wechat.client import WechatChannel
from tests.svc_payments.channels.doubles.wechat import WechatDouble
from tests.svc_payments.channels.doubles.wechat_protocol import APP, MERCHANT, MOBILE_APP, OPEN_ID
from tests.svc_payments.channels.wechat.payments import PAYER, new_order, paid_order, placed_order, verify_our_signature


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
        verify_our_signature(double, given["paySign"], APP, given["timeStamp"], given["nonceStr"], given["package"])
        assert double.orders[order.number]["wanted"]["payer"] == {"openid": OPEN_ID}

    async def test_app_gives_what_the_sdk_is_called_with(self, channel: WechatChannel, double: WechatDouble) -> None:
        answer = await channel.place(new_order("app"))
        assert isinstance(answer, Waiting)
        given = dict(answer.pay_parameters or {})
        assert (given["appid"], given["partnerid"], given["package"]) == (MOBILE_APP, MERCHANT, "Sign=WXPay")
        verify_our_signature(
            double, given["sign"], MOBILE_APP, given["timestamp"], given["noncestr"], given["prepayid"]
        )

    @pytest.mark.parametrize("method", ["native", "h5", "jsapi", "app"])
    async def test_each_method_is_paid_and_queried_alike(
        self, channel: WechatChannel, double: WechatDouble, method: str
    ) -> None:
        order = await placed_order(channel, method)
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
    async def test_errors_about_the_content_refuse_an_order(
        self, channel: WechatChannel, double: WechatDouble, code: str
    ) -> None:
        double.faults.append(("/native", 400, code))
        assert await channel.place(new_order()) == Refused(code.replace("_", ""))

    @pytest.mark.parametrize("code", ["SYSTEM_ERROR", "FREQUENCY_LIMITED", "SIGN_ERROR", "NO_AUTH"])
    async def test_other_errors_do_not(self, channel: WechatChannel, double: WechatDouble, code: str) -> None:
        double.faults.append(("/native", 403, code))
        assert await channel.place(new_order()) == Unclear(code.replace("_", ""))

    @pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
    async def test_one_that_was_cut_is_none(self, channel: WechatChannel, double: WechatDouble, part: float) -> None:
        order = await paid_order(channel, double)
        double.forge = lambda headers, body: (headers, body[: int(len(body) * part)])
        assert await channel.query(order) == Unclear("wrong_signature_200_")

    async def test_one_without_a_signature_is_none(self, channel: WechatChannel, double: WechatDouble) -> None:
        order = await paid_order(channel, double)
        double.forge = lambda _, body: ({}, body)
        assert isinstance(await channel.query(order), Unclear)

    async def test_one_of_another_time_is_none(self, channel: WechatChannel, double: WechatDouble) -> None:
        order = await paid_order(channel, double)
        old = str(int(now().timestamp()) - MAX_CLOCK_SKEW - 5)
        double.forge = lambda headers, body: (headers | {"Wechatpay-Timestamp": old}, body)
        assert await channel.query(order) == Unclear("clock_skew_200_")

    async def test_one_about_another_order_is_none(self, channel: WechatChannel, double: WechatDouble) -> None:
        first, second = await paid_order(channel, double), await placed_order(channel)
        double.orders[second.number] = double.orders[first.number]
        assert await channel.query(second) == Unclear("other_order")

    @pytest.mark.parametrize(
        ("state", "answer"), [("USERPAYING", Waiting()), ("REFUND", Unclear("refunded_elsewhere"))]
    )
    async def test_states_mean_what_wechat_pay_says(
        self, channel: WechatChannel, double: WechatDouble, state: str, answer: object
    ) -> None:
        order = await paid_order(channel, double)
        double.set_state(order.number, state)
        assert await channel.query(order) == answer
