"""WeChat Pay's refunds: idempotent by number, with a notice of the outcome."""

from dataclasses import replace

import pytest
import pytest_asyncio

from chassis.db import new_id
from svc_payments.channels.notices import RefundNotice
from svc_payments.channels.provider import (
    Paid,
    RefundAbnormal,
    Refunded,
    Refunding,
    RefundOrder,
    RefundRefused,
    Unclear,
)
from svc_payments.channels.wechat.client import WechatChannel
from tests.svc_payments.channels.doubles.wechat import WechatDouble
from tests.svc_payments.channels.doubles.wechat_protocol import MERCHANT
from tests.svc_payments.channels.wechat.payments import lowercase_names, paid_order


class TestRefunds:
    @pytest_asyncio.fixture
    async def refund(self, channel: WechatChannel, double: WechatDouble) -> RefundOrder:
        order = await paid_order(channel, double)
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
        ("status", "kind"), [("SUCCESS", Refunded), ("CLOSED", RefundRefused), ("ABNORMAL", RefundAbnormal)]
    )
    async def test_a_notice_says_how_it_ended(
        self, channel: WechatChannel, double: WechatDouble, refund: RefundOrder, status: str, kind: type
    ) -> None:
        await channel.refund(refund)
        double.finish_refund(refund.number, status)
        raw, headers = double.refund_notice(refund.number)
        notice = await channel.read_notice(lowercase_names(headers), raw)
        assert isinstance(notice, RefundNotice)
        assert (notice.merchant_id, notice.refund_number) == (MERCHANT, refund.number)
        assert isinstance(notice.answer, kind)
        assert type(await channel.query_refund(refund)) is kind
