"""Reading WeChat Pay's notices and rejecting its signature probes."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from chassis.db import now
from kit.signatures.refusals import MAX_CLOCK_SKEW
from svc_payments.channels.notices import NoticeMalformed, NoticeNotAuthentic, PaidNotice
from svc_payments.channels.provider import Paid, Unclear
from svc_payments.channels.wechat.client import WechatChannel
from tests.svc_payments.channels.doubles.wechat import WechatDouble
from tests.svc_payments.channels.doubles.wechat_protocol import MERCHANT
from tests.svc_payments.channels.wechat.payments import lowercase_names, paid_order
from tests.svc_payments.world import World


class TestProbes:
    """WeChat Pay sends wrong signatures with this prefix to detect merchants that do not verify."""

    async def test_one_among_the_notices_is_refused(self, channel: WechatChannel, double: WechatDouble) -> None:
        order = await paid_order(channel, double)
        raw, headers = double.paid_notice(order.number)
        probe = headers | {"Wechatpay-Signature": f"WECHATPAY/SIGNTEST/{headers['Wechatpay-Signature']}"}
        with pytest.raises(NoticeNotAuthentic) as refused:
            await channel.read_notice(lowercase_names(probe), raw)
        assert refused.value.values == {"reason": "probe"}
        assert isinstance(await channel.read_notice(lowercase_names(headers), raw), PaidNotice)

    async def test_the_answer_to_one_says_that_it_failed(self, world: World, double: WechatDouble) -> None:
        raw, headers = double.notice("TRANSACTION.SUCCESS", "transaction", {"mchid": MERCHANT})
        probe = headers | {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]}
        answer = await world.api.post("/payments/v1/channels/wechat/notices", content=raw, headers=probe)
        assert (answer.status_code, answer.json()) == (401, {"code": "FAIL", "message": "notice_not_authentic"})
        assert await world.incidents() == []

    async def test_one_among_the_answers_is_no_answer(self, channel: WechatChannel, double: WechatDouble) -> None:
        order = await paid_order(channel, double)
        double.forge = lambda headers, body: (headers | {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/abcd"}, body)
        assert await channel.query(order) == Unclear("probe_200_")
        double.forge = None
        assert isinstance(await channel.query(order), Paid)


class TestNotices:
    @pytest.mark.parametrize("seconds", [-MAX_CLOCK_SKEW - 5, MAX_CLOCK_SKEW + 5])
    async def test_one_of_another_time_is_refused(
        self, channel: WechatChannel, double: WechatDouble, seconds: int
    ) -> None:
        order = await paid_order(channel, double)
        with time_machine.travel(now() + timedelta(seconds=seconds), tick=False):
            raw, headers = double.paid_notice(order.number)
        with pytest.raises(NoticeNotAuthentic) as refused:
            await channel.read_notice(lowercase_names(headers), raw)
        assert refused.value.values == {"reason": "clock_skew"}

    async def test_one_that_our_key_does_not_open_is_refused(
        self, channel: WechatChannel, double: WechatDouble
    ) -> None:
        order = await paid_order(channel, double)
        double.api_key = b"0" * 32
        raw, headers = double.paid_notice(order.number)
        with pytest.raises(NoticeMalformed):
            await channel.read_notice(lowercase_names(headers), raw)

    @pytest.mark.parametrize("change", [{"trade_state": "NOTPAY"}, {"transaction_id": ""}, {"success_time": ""}])
    async def test_a_payment_without_its_proof_is_refused(
        self, channel: WechatChannel, double: WechatDouble, change: dict[str, Any]
    ) -> None:
        order = await paid_order(channel, double)
        raw, headers = double.paid_notice(order.number, **change)
        with pytest.raises(NoticeMalformed):
            await channel.read_notice(lowercase_names(headers), raw)
