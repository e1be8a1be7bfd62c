"""Reading UnionPay's notices: contents and rejections."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from structlog import wrap_logger
from structlog.testing import LogCapture

from svc_payments.channels import calls
from svc_payments.channels.notices import NothingNew, NoticeMalformed, NoticeNotAuthentic, PaidNotice
from svc_payments.channels.provider import Order, Unclear
from svc_payments.channels.unionpay.client import UnionpayChannel
from tests.svc_payments.channels.doubles.unionpay import CARD, UnionpayDouble, signer


class TestNotices:
    async def test_one_says_what_was_paid_and_not_by_which_card(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        paid = double.pay(order.number)
        raw = double.notice(order.number)
        assert CARD in raw.decode()
        notice = await channel.read_notice({}, raw)
        assert isinstance(notice, PaidNotice)
        assert (notice.order_number, notice.paid.transaction_id) == (order.number, paid["queryId"])
        assert CARD not in repr(notice)

    async def test_one_repeated_under_the_next_certificate_is_equal(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        first = await channel.read_notice({}, double.notice(order.number))
        again = await channel.read_notice({}, double.notice(order.number, sign_with=signer("00020005")))
        assert again == first

    async def test_our_number_at_another_time_is_no_order_of_ours(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        notice = await channel.read_notice({}, double.notice(order.number, txnTime="20260101000000"))
        assert isinstance(notice, PaidNotice)
        assert notice.order_number != order.number

    async def test_a_refused_card_is_nothing_new(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number, "51")
        assert isinstance(await channel.read_notice({}, double.notice(order.number)), NothingNew)

    @pytest.mark.parametrize(
        "change",
        [
            {"txnType": "31"},
            {"txnAmt": "0"},
            {"txnAmt": "-4140"},
            {"txnAmt": "9" * 20},
            {"queryId": ""},
            {"traceTime": "0000000000"},
            {"respCode": "0"},
            {"txnTime": "yesterday"},
        ],
    )
    async def test_an_authentic_but_invalid_one_is_refused(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, change: dict[str, Any]
    ) -> None:
        double.pay(order.number)
        with pytest.raises(NoticeMalformed):
            await channel.read_notice({}, double.notice(order.number, **change))

    @pytest.mark.parametrize("raw", [b"", b"&", b"a", b"{}", b"a=1&a=2", b"\xff\xfe", b"a=%ff", b"a=1&" * 4000])
    async def test_what_is_no_form_is_refused(self, channel: UnionpayChannel, raw: bytes) -> None:
        with pytest.raises(NoticeNotAuthentic):
            await channel.read_notice({}, raw)

    async def test_a_name_that_comes_twice_is_not_chosen_between(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        for doubled in (b"txnAmt=1&" + double.notice(order.number), double.notice(order.number) + b"&txnAmt=1"):
            with pytest.raises(NoticeNotAuthentic):
                await channel.read_notice({}, doubled)

    async def test_fields_that_come_in_time_are_signed_like_the_others(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        raw = double.notice(order.number, payCardType="01", couponInfo='[{"discount":"100"}]')
        assert isinstance(await channel.read_notice({}, raw), PaidNotice)
        fields = dict(parse_qsl(raw.decode())) | {"payCardType": "02"}
        with pytest.raises(NoticeNotAuthentic):
            await channel.read_notice({}, urlencode(fields).encode())


async def test_the_payers_card_is_written_nowhere(
    channel: UnionpayChannel, double: UnionpayDouble, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = LogCapture()
    monkeypatch.setattr(calls, "log", wrap_logger(None, processors=[logged]))
    double.pay(order.number)
    answer = await channel.query(order)
    notice = await channel.read_notice({}, double.notice(order.number))
    double.faults.append(("queryTrans", "05"))
    unclear = await channel.query(order)
    assert isinstance(unclear, Unclear)
    assert [entry["event"] for entry in logged.entries] == ["channel_unclear"]
    assert CARD not in repr((logged.entries, answer, notice, unclear))
