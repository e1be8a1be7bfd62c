"""UnionPay's answers: a truncated, unsigned or ambiguous answer is `Unclear`."""

import pytest

from svc_payments.channels.provider import Order, Unclear
from svc_payments.channels.unionpay.client import UnionpayChannel
from svc_payments.channels.unionpay.signatures import of_answer
from tests.svc_payments.channels.doubles.parties import certified
from tests.svc_payments.channels.doubles.unionpay import UnionpayDouble, written
from tests.svc_payments.channels.unionpay.payments import refund_of


class TestAnswers:
    @pytest.mark.parametrize("part", [0.0, 0.5, 0.98])
    async def test_one_that_was_cut_is_none(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, part: float
    ) -> None:
        double.pay(order.number)

        def cut(fields: dict[str, str]) -> str:
            whole = written(double.sign(fields))
            return whole[: int(len(whole) * part)]

        double.forge = cut
        assert isinstance(await channel.query(order), Unclear)

    async def test_one_that_is_not_signed_is_none(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.forge = written
        assert await channel.query(order) == Unclear("headers_malformed_00")
        refund = refund_of(order, "1" * 21)
        assert isinstance(await channel.refund(refund), Unclear)

    async def test_a_name_that_comes_twice_is_not_chosen_between(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        double.forge = lambda fields: "txnAmt=1&" + written(double.sign(fields))
        assert await channel.query(order) == Unclear("answer_malformed")

    async def test_a_rejection_of_our_signature_says_nothing_about_the_order(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.merchant = certified("041@Z2026@Sample Merchant@00000002")
        assert await channel.query(order) == Unclear("headers_malformed_11")

    def test_values_in_brackets_are_not_parted(self) -> None:
        raw = "a=1&customerInfo={x=1&y={z=2&w=3}}&couponInfo=[{k&v}]&respMsg=成功[0000000]&signature=ab+/=="
        assert of_answer(raw.encode()) == {
            "a": "1",
            "customerInfo": "{x=1&y={z=2&w=3}}",
            "couponInfo": "[{k&v}]",
            "respMsg": "成功[0000000]",
            "signature": "ab+/==",
        }
