"""UnionPay's orders: payment form, order number and time, states."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import time_machine
from pydantic import ValidationError

from chassis.db import now
from svc_payments.channels.provider import Absent, Closed, Order, Paid, Unclear, Waiting
from svc_payments.channels.unionpay.client import UnionpayChannel
from svc_payments.channels.unionpay.times import begun_at, beijing, with_year
from tests.svc_payments.channels.doubles.parties import private_pem
from tests.svc_payments.channels.doubles.unionpay import MERCHANT, UnionpayDouble, root, written
from tests.svc_payments.channels.unionpay.payments import PASSED, form_of, new_order


class TestForm:
    async def test_it_goes_to_the_gateway_with_all_that_the_cashier_needs(
        self, channel: UnionpayChannel, double: UnionpayDouble
    ) -> None:
        order = new_order()
        url, form = await form_of(channel, order)
        assert url.endswith("/gateway/api/frontTransReq.do")
        assert form["certId"] == str(double.merchant.certificate.serial_number)
        assert (form["txnAmt"], form["currencyCode"], form["merId"]) == ("4140", "156", MERCHANT)
        assert form["payTimeout"] == beijing(order.expires_at - timedelta(minutes=1))

    async def test_it_is_the_same_whenever_it_is_made(self, channel: UnionpayChannel) -> None:
        order = new_order()
        first = await form_of(channel, order)
        with time_machine.travel(now() + timedelta(minutes=3)):
            assert await form_of(channel, order) == first

    @pytest.mark.parametrize(("method", "channel_type"), [(None, "07"), ("web", "07"), ("wap", "08")])
    async def test_phones_get_the_page_for_phones(
        self, channel: UnionpayChannel, method: str | None, channel_type: str
    ) -> None:
        _, form = await form_of(channel, new_order(method))
        assert form["channelType"] == channel_type

    async def test_one_that_was_changed_is_refused_by_the_gateway(
        self, channel: UnionpayChannel, double: UnionpayDouble
    ) -> None:
        url, form = await form_of(channel, new_order())
        async with httpx.AsyncClient(trust_env=False) as browser:
            page = await browser.post(url, data={**form, "txnAmt": "1"})
        assert (page.status_code, page.text) == (400, "<p>11</p>")
        assert not double.transactions

    async def test_the_certificate_must_be_the_keys(self, double: UnionpayDouble) -> None:
        with pytest.raises(ValidationError, match="merchant_certificate must be of merchant_key"):
            double.settings("http://127.0.0.1:1", merchant_key=private_pem(root().key))


class TestTime:
    def test_an_orders_time_stands_in_its_number(self) -> None:
        moment = datetime(2026, 12, 31, 16, 30, 5, tzinfo=UTC)
        assert begun_at(f"{int(moment.timestamp() * 1000):012x}{'7' * 20}") == "20270101003005"

    @pytest.mark.parametrize(
        ("text", "begun", "moment"),
        [
            ("1126101500", "20261126101000", "2026-11-26T10:15:00+08:00"),
            ("0101000030", "20261231235900", "2027-01-01T00:00:30+08:00"),
            ("1231235959", "20270101000001", "2026-12-31T23:59:59+08:00"),
            ("0229120000", "20280229115900", "2028-02-29T12:00:00+08:00"),
        ],
    )
    def test_a_time_without_a_year_is_close_to_its_order(self, text: str, begun: str, moment: str) -> None:
        assert with_year(text, begun) == datetime.fromisoformat(moment)

    def test_a_time_that_is_none_is_none(self) -> None:
        assert with_year("1332256199", "20261126101000") is None


class TestOrders:
    async def test_one_whose_form_was_not_sent_is_absent_until_it_expires(self, channel: UnionpayChannel) -> None:
        order = new_order()
        assert await channel.query(order) == Absent()
        assert await channel.close(order) == Waiting()
        assert await channel.query(replace(order, expires_at=PASSED)) == Closed()

    async def test_one_whose_payer_is_at_the_cashier_waits_until_its_time_is_over(
        self, channel: UnionpayChannel, order: Order
    ) -> None:
        assert await channel.query(order) == Waiting()
        assert await channel.close(order) == Waiting()
        assert await channel.close(replace(order, expires_at=PASSED)) == Closed()

    @pytest.mark.parametrize("code", ["00", "A6"])
    async def test_a_paid_one_has_its_transaction(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, code: str
    ) -> None:
        paid = double.pay(order.number, code)
        answer = await channel.query(order)
        assert isinstance(answer, Paid)
        assert (answer.merchant_id, answer.transaction_id) == (MERCHANT, paid["queryId"])
        assert (answer.amount_fen, answer.currency) == (4140, "CNY")

    async def test_a_refused_card_ends_it_only_with_its_time(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number, "51")
        assert await channel.query(order) == Waiting()
        assert await channel.query(replace(order, expires_at=PASSED)) == Closed()
        double.pay(order.number)
        assert isinstance(await channel.query(order), Paid)

    @pytest.mark.parametrize("code", ["03", "04"])
    async def test_an_uncertain_outcome_is_unclear_even_after_expiry(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, code: str
    ) -> None:
        double.pay(order.number, code)
        assert await channel.query(replace(order, expires_at=PASSED)) == Unclear(f"code_{code}")

    @pytest.mark.parametrize("code", ["03", "04", "05", "06", "37"])
    async def test_a_query_that_failed_says_nothing_of_the_order(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, code: str
    ) -> None:
        double.faults.append(("queryTrans", code))
        assert await channel.query(replace(order, expires_at=PASSED)) == Unclear(f"code_{code}")

    async def test_the_same_number_at_another_time_is_another_order(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        paid = double.pay(order.number)
        double.transactions = {(order.number, "20260101000000"): paid}
        assert await channel.query(order) == Absent()

    @pytest.mark.parametrize(
        "change",
        [
            {"queryId": ""},
            {"txnAmt": ""},
            {"txnAmt": "41.40"},
            {"txnAmt": "4_140"},
            {"currencyCode": ""},
            {"traceTime": ""},
            {"traceTime": "1332256199"},
            {"txnType": "04"},
            {"merId": "898650149000002"},
            {"orderId": "0" * 32},
        ],
    )
    async def test_a_paid_order_without_its_proof_is_unclear(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, change: dict[str, str]
    ) -> None:
        double.pay(order.number)
        double.forge = lambda fields: written(double.sign({**fields, **change}))
        assert isinstance(await channel.query(order), Unclear)
