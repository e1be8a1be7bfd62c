"""Alipay's orders, which exist once their payers open them."""

from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from chassis.db import CHINA
from svc_payments.channels.alipay.client import AlipayChannel
from svc_payments.channels.alipay.messages import yuan_of
from svc_payments.channels.provider import Absent, Closed, Paid, Refused, Unclear, Waiting
from svc_payments.channels.registry import open_channels
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.alipay.payments import (
    METHODS,
    confirmed_payment,
    make_due,
    opened_order,
    order_of,
    paid_order,
)
from tests.svc_payments.channels.doubles.alipay import AlipayDouble
from tests.svc_payments.channels.doubles.alipay_protocol import SELLER, moment_text, signature
from tests.svc_payments.world import World


@pytest.mark.parametrize("method", METHODS)
async def test_an_order_exists_once_its_payer_opens_it(
    channel: AlipayChannel, alipay: AlipayDouble, method: str
) -> None:
    order = order_of(method)
    answer = await channel.place(order)
    assert isinstance(answer, Waiting)
    assert await channel.query(order) == Absent()
    assert await channel.close(order) == Absent()
    alipay.follow(answer.pay_url, answer.pay_parameters)
    assert await channel.query(order) == Waiting()
    alipay.pay(order.number)
    found = await channel.query(order)
    assert isinstance(found, Paid)
    assert (found.merchant_id, found.amount_fen, found.currency) == (SELLER, 4140, "CNY")


@pytest.mark.parametrize("method", ["page", "wap"])
async def test_a_page_to_open_is_signed_here_and_ends_at_the_orders_time(
    settings: Settings, alipay: AlipayDouble, method: str
) -> None:
    back = alipay.settings(alipay.base_url, return_url="https://app.test/paid")
    order = order_of(method)
    async with open_channels(settings.model_copy(update={"alipay": back})) as channels:
        answer = await channels[ChannelName.ALIPAY].place(order)
    assert isinstance(answer, Waiting)
    assert answer.pay_url
    query = parse_qs(urlsplit(answer.pay_url).query)
    assert query["return_url"] == ["https://app.test/paid"]
    assert moment_text(order.expires_at) in query["biz_content"][0]
    assert alipay.requests == []


@pytest.mark.parametrize("method", ["precreate", "page"])
async def test_an_unopened_order_is_neither_placed_again_nor_expired_early(
    world: World, alipay: AlipayDouble, method: str
) -> None:
    person, payment_id = await confirmed_payment(world, method)
    async with world.orders() as orders:
        await make_due(world)
        await orders.ask_due()
        assert await world.status(person, payment_id) == "pending"
        assert (await world.act(person, payment_id, "cancel")).json()["status"] == "pending"
        await make_due(world, over=True)
        await orders.ask_due()
    assert await world.status(person, payment_id) == "expired"
    methods = [interface.rpartition(".")[2] for interface, _ in alipay.requests]
    assert methods == ["precreate"] * (method == "precreate") + ["query", "close", "query", "query"]


@pytest.mark.parametrize(
    ("code", "sub_code", "kind"),
    [
        ("40004", "ACQ.INVALID_PARAMETER", Refused),
        ("40004", "ACQ.TOTAL_FEE_EXCEED", Refused),
        ("40004", "ACQ.TRADE_HAS_CLOSE", Absent),
        ("40004", "ACQ.SYSTEM_ERROR", Unclear),
        ("40002", "isv.invalid-signature", Unclear),
        ("40006", "isv.insufficient-isv-permissions", Unclear),
        ("20000", "aop.unknow-error", Unclear),
    ],
)
async def test_only_errors_about_its_content_end_an_order(
    channel: AlipayChannel, alipay: AlipayDouble, code: str, sub_code: str, kind: type
) -> None:
    alipay.faults.append(("precreate", code, sub_code))
    assert isinstance(await channel.place(order_of()), kind)


async def test_an_order_refused_as_existing_gets_its_current_state(
    channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order, transaction_id = await paid_order(channel, alipay)
    answer = await channel.place(order)
    assert isinstance(answer, Paid)
    assert answer.transaction_id == transaction_id


async def test_an_order_that_the_close_answer_does_not_name_is_queried(
    channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order = await opened_order(channel, alipay)

    def unnamed(member: bytes, sign: str) -> tuple[bytes, str]:
        if b"trade_status" in member:
            return member, sign
        bare = b'{"code":"10000","msg":"Success"}'
        return bare, signature(alipay.key, bare)

    alipay.forge = unnamed
    assert await channel.close(order) == Closed()
    assert alipay.trades[order.number]["trade_status"] == "TRADE_CLOSED"
    assert [method for method, _ in alipay.requests[-2:]] == ["alipay.trade.close", "alipay.trade.query"]


async def test_an_order_refunded_in_the_console_is_unclear(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order, _ = await paid_order(channel, alipay)
    alipay.refund_in_console(order.number, "41.40")
    assert await channel.query(order) == Unclear("refunded_elsewhere")


async def test_money_is_counted_in_whole_fen_and_times_are_beijings(
    channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order = await opened_order(channel, alipay, order_of(amount_fen=123_456_789))
    alipay.pay(order.number)
    alipay.trades[order.number]["gmt_payment"] = "2026-03-01 00:30:00"
    answer = await channel.query(order)
    assert isinstance(answer, Paid)
    assert answer.amount_fen == 123_456_789
    assert answer.paid_at == datetime(2026, 3, 1, 0, 30, tzinfo=CHINA)
    assert [yuan_of(fen) for fen in (1, 10, 100, 29, 1_234_567)] == ["0.01", "0.10", "1.00", "0.29", "12345.67"]


@pytest.mark.parametrize("amount", ["41.404", "1e2", "-1.00", "0.00", "41,40", "４１.40", "NaN", ""])
async def test_an_invalid_amount_is_unclear(channel: AlipayChannel, alipay: AlipayDouble, amount: str) -> None:
    order, _ = await paid_order(channel, alipay)
    alipay.trades[order.number]["total_amount"] = amount
    assert await channel.query(order) == Unclear("answer_malformed")
