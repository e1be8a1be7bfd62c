"""The endpoint for Alipay's notices: effects and answers."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from chassis.db import Database, now
from chassis.testing import client_of
from svc_payments.app import create_app
from svc_payments.channels.alipay.client import AlipayChannel
from svc_payments.collection.notifications.models import Nonce
from svc_payments.collection.notifications.service import forget_nonces, take_notice
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.alipay.payments import (
    METHODS,
    NOTICES,
    confirmed_payment,
    notify,
    opened_order,
    paid_order_number,
    read_notice,
)
from tests.svc_payments.channels.doubles.alipay import AlipayDouble
from tests.svc_payments.channels.doubles.alipay_protocol import SELLER, moment_text
from tests.svc_payments.world import World


@pytest.mark.parametrize("method", METHODS)
async def test_a_payment_by_each_method_is_captured_and_answered_with_success(
    world: World, alipay: AlipayDouble, method: str
) -> None:
    payment = await confirmed_payment(world, method)
    answer = await notify(world, alipay.notice(await paid_order_number(world, alipay, payment)))
    assert (answer.status_code, answer.text) == (200, "success")
    assert answer.headers["content-type"].startswith("text/plain")
    assert await world.trail(payment[1]) == ["created", "pending", "captured"]


async def test_without_its_settings_the_channel_has_no_endpoint(world: World, settings: Settings) -> None:
    async with client_of(create_app(settings.model_copy(update={"alipay": None}))) as api:
        answer = await api.post(NOTICES, content=b"sign=1")
    assert (answer.status_code, answer.text) == (404, "fail")


@pytest.mark.parametrize("state", ["WAIT_BUYER_PAY", "TRADE_SUCCESS", "TRADE_CLOSED"])
@pytest.mark.parametrize("changes", [{"app_id": "2021000000000002"}, {"seller_id": "2088521231912069"}])
async def test_a_notice_by_the_right_key_for_another_application_or_seller_is_refused(
    world: World, alipay: AlipayDouble, changes: dict[str, Any], state: str
) -> None:
    payment = await confirmed_payment(world, "page")
    number = await paid_order_number(world, alipay, payment)
    answer = await notify(world, alipay.notice(number, trade_status=state, **changes))
    assert (answer.status_code, answer.text) == (403, "fail")
    assert await world.incidents() == ["other_merchant"]
    assert await world.trail(payment[1]) == ["created", "pending"]


async def test_a_repeated_notice_is_accepted_and_its_id_with_other_content_is_rejected(
    world: World, alipay: AlipayDouble
) -> None:
    payment = await confirmed_payment(world, "page")
    number = await paid_order_number(world, alipay, payment)
    first = alipay.notice(number, notify_id="n1", notify_time=moment_text(now() - timedelta(minutes=4)))
    again = alipay.notice(number, notify_id="n1")
    answers = await asyncio.gather(*(notify(world, notice) for notice in (first, again, first)))
    assert [answer.text for answer in answers] == ["success"] * 3
    other = await notify(world, alipay.notice(number, notify_id="n1", trade_status="TRADE_FINISHED"))
    assert (other.status_code, other.text) == (409, "fail")
    assert await world.trail(payment[1]) == ["created", "pending", "captured"]


async def test_the_ids_of_notices_are_kept_for_as_long_as_they_may_be_repeated(
    database: Database, channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order = await opened_order(channel, alipay)
    for age, left in ((timedelta(hours=24), 1), (timedelta(hours=26), 0)):
        async with database.transaction() as tx:
            await take_notice(tx, ChannelName.ALIPAY, await read_notice(channel, alipay.notice(order.number)), SELLER)
            await tx.execute(update(Nonce).values(seen_at=now() - age))
            await forget_nonces(tx)
            assert len((await tx.scalars(select(Nonce))).all()) == left


async def test_a_notice_of_a_trade_closed_by_a_console_refund_undoes_nothing(
    world: World, alipay: AlipayDouble
) -> None:
    payment = await confirmed_payment(world, "page")
    number = await paid_order_number(world, alipay, payment)
    in_time, late = alipay.notice(number), alipay.notice(number)
    alipay.refund_in_console(number, "41.40")
    (request_number,) = alipay.trades[number]["refunds"]
    closed = alipay.refund_notice(number, request_number)
    assert (await notify(world, closed)).status_code == 404
    assert await world.trail(payment[1]) == ["created", "pending"]
    without_number = alipay.refund_notice(number, request_number, out_biz_no=None)
    for notice in (in_time, without_number, late, alipay.notice(number)):
        assert (await notify(world, notice)).text == "success"
    assert (await notify(world, closed)).text == "fail"
    assert await world.incidents() == ["unknown_refund"]
    assert await world.trail(payment[1]) == ["created", "pending", "captured"]
    assert await world.status(*payment) == "captured"
