"""Reading Alipay's notices: kinds, charsets, age limit and rejections."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from chassis.db import now
from svc_payments.channels.alipay.client import AlipayChannel
from svc_payments.channels.alipay.notices import REPEATED_FOR
from svc_payments.channels.notices import NothingNew, NoticeMalformed, NoticeNotAuthentic, PaidNotice, RefundNotice
from svc_payments.channels.provider import Refunded
from tests.svc_payments.channels.alipay.payments import opened_order, paid_order, read_notice, refund_of
from tests.svc_payments.channels.doubles.alipay import AlipayDouble
from tests.svc_payments.channels.doubles.alipay_protocol import APP, SELLER, RawNotice, moment_text, signature
from tests.svc_payments.channels.doubles.parties import key_of


def replaced(notice: RawNotice, **changes: str) -> RawNotice:
    """A notice with changed parameters and the original signature."""
    return urlencode({**dict(parse_qsl(notice[0].decode())), **changes}).encode(), notice[1]


@pytest.mark.parametrize("charset", ["utf-8", "GBK", "gb2312"])
async def test_a_notice_is_verified_in_its_own_charset(
    channel: AlipayChannel, alipay: AlipayDouble, charset: str
) -> None:
    order, transaction_id = await paid_order(channel, alipay)
    alipay.charset = charset
    notice = await read_notice(channel, alipay.notice(order.number))
    assert isinstance(notice, PaidNotice)
    assert (notice.order_number, notice.paid.transaction_id) == (order.number, transaction_id)
    assert (notice.paid.merchant_id, notice.paid.amount_fen) == (SELLER, 4140)
    assert abs(notice.paid.paid_at - now()) < timedelta(seconds=10)


async def test_empty_and_new_parameters_are_signed_as_well(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order, _ = await paid_order(channel, alipay)
    notice = dict(parse_qsl(alipay.notice(order.number)[0].decode())) | {"passback_params": "", "merchant_app_id": APP}
    del notice["sign"], notice["sign_type"]
    text = "&".join(f"{name}={notice[name]}" for name in sorted(notice)).encode()
    raw = urlencode({**notice, "sign_type": "RSA2", "sign": signature(alipay.key, text)}).encode()
    assert isinstance(await read_notice(channel, (raw, {})), PaidNotice)


async def test_a_notice_that_is_not_alipays_is_refused(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order, _ = await paid_order(channel, alipay)
    notice = alipay.notice(order.number)
    other = dict(parse_qsl(alipay.notice(order.number)[0].decode()))
    wrong = {
        "unsigned": replaced(notice, sign=""),
        "by another key": alipay.notice(order.number, sign_with=key_of("Somebody")),
        "another notice's signature": replaced(notice, sign=other["sign"]),
        "another amount": replaced(notice, total_amount="41.41"),
        "a further parameter": replaced(notice, further="1"),
        "the older algorithm": replaced(notice, sign_type="RSA"),
        "no base64": replaced(notice, sign="%%%"),
        "a parameter twice": (notice[0] + b"&total_amount=0.01", notice[1]),
        "empty": (b"", {}),
        "no form": (b'{"trade_status": "TRADE_SUCCESS"}', {}),
    }
    for what, forged in wrong.items():
        with pytest.raises(NoticeNotAuthentic):
            pytest.fail(f"{what}: {await read_notice(channel, forged)}")
    assert isinstance(await read_notice(channel, notice), PaidNotice)


async def test_a_parameter_hidden_in_the_one_before_it_is_found(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    """`a=1`, `b=2` and a single `a` of `1&b=2` have the same signed text: a refund must not pass as a payment."""
    order, transaction_id = await paid_order(channel, alipay)
    refund = refund_of(order, transaction_id, 1000)
    await channel.refund(refund)
    parameters = dict(parse_qsl(alipay.refund_notice(order.number, refund.number)[0].decode()))
    gmt_refund = parameters.pop("gmt_refund")
    parameters["gmt_payment"] += f"&gmt_refund={gmt_refund}"
    with pytest.raises(NoticeNotAuthentic) as refusal:
        await read_notice(channel, (urlencode(parameters).encode(), {}))
    assert refusal.value.values["reason"] == "parameters_malformed"


@pytest.mark.parametrize(
    ("age", "accepted"),
    [
        (timedelta(), True),
        (REPEATED_FOR, True),
        (REPEATED_FOR + timedelta(minutes=10), False),
        (timedelta(minutes=-10), False),
    ],
)
async def test_a_notice_is_accepted_for_as_long_as_alipay_repeats_it(
    channel: AlipayChannel, alipay: AlipayDouble, age: timedelta, *, accepted: bool
) -> None:
    order, _ = await paid_order(channel, alipay)
    notice = alipay.notice(order.number, notify_time=moment_text(now() - age))
    if accepted:
        assert isinstance(await read_notice(channel, notice), PaidNotice)
        return
    with pytest.raises(NoticeNotAuthentic) as refusal:
        await read_notice(channel, notice)
    assert refusal.value.values["reason"] == "clock_skew"


@pytest.mark.parametrize(
    "changes",
    [
        {"total_amount": "41.4.0"},
        {"total_amount": "0.00"},
        {"trade_status": "TRADE_LOST"},
        {"gmt_payment": None},
        {"gmt_payment": "yesterday"},
        {"gmt_payment": "2026-02-30 10:00:00"},
        {"gmt_payment": "2019-12-31 10:00:00"},
        {"notify_id": None},
        {"out_trade_no": "我的"},
        {"trade_no": "a b"},
    ],
)
async def test_an_invalid_notice_is_malformed(
    channel: AlipayChannel, alipay: AlipayDouble, changes: dict[str, Any]
) -> None:
    order, _ = await paid_order(channel, alipay)
    with pytest.raises(NoticeMalformed):
        await read_notice(channel, alipay.notice(order.number, **changes))


async def test_notices_of_a_trade_in_every_state(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order = await opened_order(channel, alipay)
    assert isinstance(await read_notice(channel, alipay.notice(order.number)), NothingNew)
    transaction_id = alipay.pay(order.number)["trade_no"]
    refund = refund_of(order, transaction_id, 4140)
    assert isinstance(await read_notice(channel, alipay.notice(order.number, refund_fee="0.00")), PaidNotice)
    finished = alipay.notice(order.number, trade_status="TRADE_FINISHED")
    assert isinstance(await read_notice(channel, finished), PaidNotice)
    await channel.refund(refund)
    notice = await read_notice(channel, alipay.refund_notice(order.number, refund.number))
    assert isinstance(notice, RefundNotice)
    assert (notice.merchant_id, notice.refund_number) == (SELLER, refund.number)
    assert isinstance(notice.answer, Refunded)
    assert notice.answer.amount_fen == 4140
    unpaid = await opened_order(channel, alipay)
    await channel.close(unpaid)
    assert isinstance(await read_notice(channel, alipay.notice(unpaid.number)), NothingNew)
