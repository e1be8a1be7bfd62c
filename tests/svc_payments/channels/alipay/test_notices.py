"""Notices of Alipay as they are read: of every kind, charset and age, and those to be refused."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from chassis.db import now
from svc_payments.channels.alipay.client import AlipayChannel
from svc_payments.channels.alipay.notices import REPEATED_FOR
from svc_payments.channels.notices import NothingNew, NoticeMalformed, NoticeNotAuthentic, PaidNotice, RefundNotice
from svc_payments.channels.provider import Refunded
from tests.svc_payments.channels.alipay.paying import opened, paid, read, refund_of
from tests.svc_payments.channels.doubles.alipay import AlipayDouble
from tests.svc_payments.channels.doubles.alipay_protocol import APP, SELLER, Told, moment_text, signature
from tests.svc_payments.channels.doubles.parties import key_of


def replaced(told: Told, **changes: str) -> Told:
    """A notice with parameters changed, and its signature as it was."""
    return urlencode({**dict(parse_qsl(told[0].decode())), **changes}).encode(), told[1]


@pytest.mark.parametrize("charset", ["utf-8", "GBK", "gb2312"])
async def test_a_notice_is_verified_in_its_own_charset(
    channel: AlipayChannel, alipay: AlipayDouble, charset: str
) -> None:
    order, transaction_id = await paid(channel, alipay)
    alipay.charset = charset
    notice = await read(channel, alipay.notice(order.number))
    assert isinstance(notice, PaidNotice)
    assert (notice.order_number, notice.paid.transaction_id) == (order.number, transaction_id)
    assert (notice.paid.merchant_id, notice.paid.amount_fen) == (SELLER, 4140)
    assert abs(notice.paid.paid_at - now()) < timedelta(seconds=10)


async def test_empty_and_new_parameters_are_signed_as_well(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order, _ = await paid(channel, alipay)
    told = dict(parse_qsl(alipay.notice(order.number)[0].decode())) | {"passback_params": "", "merchant_app_id": APP}
    del told["sign"], told["sign_type"]
    text = "&".join(f"{name}={told[name]}" for name in sorted(told)).encode()
    raw = urlencode({**told, "sign_type": "RSA2", "sign": signature(alipay.key, text)}).encode()
    assert isinstance(await read(channel, (raw, {})), PaidNotice)


async def test_a_notice_that_is_not_alipays_is_refused(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order, _ = await paid(channel, alipay)
    told = alipay.notice(order.number)
    other = dict(parse_qsl(alipay.notice(order.number)[0].decode()))
    wrong = {
        "unsigned": replaced(told, sign=""),
        "by another key": alipay.notice(order.number, sign_with=key_of("Somebody")),
        "another notice's signature": replaced(told, sign=other["sign"]),
        "another amount": replaced(told, total_amount="41.41"),
        "a further parameter": replaced(told, further="1"),
        "the older algorithm": replaced(told, sign_type="RSA"),
        "no base64": replaced(told, sign="%%%"),
        "a parameter twice": (told[0] + b"&total_amount=0.01", told[1]),
        "empty": (b"", {}),
        "no form": (b'{"trade_status": "TRADE_SUCCESS"}', {}),
    }
    for what, notice in wrong.items():
        with pytest.raises(NoticeNotAuthentic):
            pytest.fail(f"{what}: {await read(channel, notice)}")
    assert isinstance(await read(channel, told), PaidNotice)


async def test_a_parameter_hidden_in_the_one_before_it_is_found(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    """Signed text does not tell `a=1` and `b=2` from `a=1&b=2`: a refund must not be made to look like a payment."""
    order, transaction_id = await paid(channel, alipay)
    refund = refund_of(order, transaction_id, 1000)
    await channel.refund(refund)
    said = dict(parse_qsl(alipay.refund_notice(order.number, refund.number)[0].decode()))
    gmt_refund = said.pop("gmt_refund")
    said["gmt_payment"] += f"&gmt_refund={gmt_refund}"
    with pytest.raises(NoticeNotAuthentic) as refusal:
        await read(channel, (urlencode(said).encode(), {}))
    assert refusal.value.values["reason"] == "parameters_malformed"


@pytest.mark.parametrize(
    ("age", "taken"),
    [
        (timedelta(), True),
        (REPEATED_FOR, True),
        (REPEATED_FOR + timedelta(minutes=10), False),
        (timedelta(minutes=-10), False),
    ],
)
async def test_a_notice_is_believed_for_as_long_as_alipay_repeats_it(
    channel: AlipayChannel, alipay: AlipayDouble, age: timedelta, *, taken: bool
) -> None:
    order, _ = await paid(channel, alipay)
    told = alipay.notice(order.number, notify_time=moment_text(now() - age))
    if taken:
        assert isinstance(await read(channel, told), PaidNotice)
        return
    with pytest.raises(NoticeNotAuthentic) as refusal:
        await read(channel, told)
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
async def test_a_notice_that_makes_no_sense_is_malformed(
    channel: AlipayChannel, alipay: AlipayDouble, changes: dict[str, Any]
) -> None:
    order, _ = await paid(channel, alipay)
    with pytest.raises(NoticeMalformed):
        await read(channel, alipay.notice(order.number, **changes))


async def test_notices_of_a_trade_in_every_state(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order = await opened(channel, alipay)
    assert isinstance(await read(channel, alipay.notice(order.number)), NothingNew)
    transaction_id = alipay.pay(order.number)["trade_no"]
    refund = refund_of(order, transaction_id, 4140)
    assert isinstance(await read(channel, alipay.notice(order.number, refund_fee="0.00")), PaidNotice)
    finished = alipay.notice(order.number, trade_status="TRADE_FINISHED")
    assert isinstance(await read(channel, finished), PaidNotice)
    await channel.refund(refund)
    told = await read(channel, alipay.refund_notice(order.number, refund.number))
    assert isinstance(told, RefundNotice)
    assert (told.merchant_id, told.refund_number) == (SELLER, refund.number)
    assert isinstance(told.answer, Refunded)
    assert told.answer.amount_fen == 4140
    unpaid = await opened(channel, alipay)
    await channel.close(unpaid)
    assert isinstance(await read(channel, alipay.notice(unpaid.number)), NothingNew)
