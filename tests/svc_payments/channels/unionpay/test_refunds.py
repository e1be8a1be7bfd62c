"""UnionPay's refunds: idempotent by number, and found by query after a lost answer."""

from datetime import timedelta

import pytest
import pytest_asyncio
import time_machine

from chassis.db import now
from svc_payments.channels.notices import RefundNotice
from svc_payments.channels.provider import Order, RefundAbsent, Refunded, Refunding, RefundRefused, Unclear
from svc_payments.channels.unionpay.client import UnionpayChannel
from tests.svc_payments.channels.doubles.unionpay import MERCHANT, UnionpayDouble
from tests.svc_payments.channels.unionpay.payments import refund_of


class TestRefunds:
    @pytest_asyncio.fixture
    async def transaction_id(self, double: UnionpayDouble, order: Order) -> str:
        return double.pay(order.number)["queryId"]

    async def test_a_refund_repeated_under_its_number_is_idempotent(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, transaction_id: str
    ) -> None:
        refund = refund_of(order, transaction_id)
        assert await channel.refund(refund) == Refunding()
        assert await channel.refund(refund) == Refunding()
        double.finish_refund(refund.number)
        answer = await channel.refund(refund)
        assert isinstance(answer, Refunded)
        assert (answer.amount_fen, answer.refund_id) == (1000, double.of(refund.number)["queryId"])
        assert double.gone(transaction_id) == 1000

    async def test_an_answer_that_was_lost_is_found_by_the_query_after_a_crash(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, transaction_id: str
    ) -> None:
        refund = refund_of(order, transaction_id)
        double.forge = lambda _: ""
        assert isinstance(await channel.refund(refund), Unclear)
        double.forge = None
        with time_machine.travel(now() + timedelta(hours=3)):
            assert await channel.query_refund(refund) == Refunding()

    @pytest.mark.parametrize("code", ["03", "04", "05", "02", "06", "11", "37", "39"])
    async def test_what_may_pass_leaves_it_open(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, transaction_id: str, code: str
    ) -> None:
        refund = refund_of(order, transaction_id)
        double.faults.append(("backTransReq", code))
        assert await channel.refund(refund) == Unclear(f"code_{code}")
        assert await channel.query_refund(refund) == RefundAbsent()

    async def test_what_was_refused_is_refused(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, transaction_id: str
    ) -> None:
        assert await channel.refund(refund_of(order, transaction_id, 4141)) == RefundRefused("36")
        assert await channel.refund(refund_of(order, "1" * 21)) == RefundRefused("35")
        refund = refund_of(order, transaction_id)
        await channel.refund(refund)
        double.finish_refund(refund.number, "61")
        assert await channel.query_refund(refund) == RefundRefused("61")

    async def test_a_number_that_stands_for_another_refund_is_not_this_one(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, transaction_id: str
    ) -> None:
        refund = refund_of(order, transaction_id)
        await channel.refund(refund)
        double.of(refund.number)["origQryId"] = "2" * 21
        assert await channel.query_refund(refund) == Unclear("other_refund")

    async def test_a_notice_says_how_it_ended(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, transaction_id: str
    ) -> None:
        refund = refund_of(order, transaction_id)
        await channel.refund(refund)
        for code, kind in (("05", Refunding), ("61", RefundRefused), ("00", Refunded)):
            double.finish_refund(refund.number, code)
            notice = await channel.read_notice({}, double.notice(refund.number))
            assert isinstance(notice, RefundNotice)
            assert (notice.merchant_id, notice.refund_number) == (MERCHANT, refund.number)
            assert isinstance(notice.answer, kind)
