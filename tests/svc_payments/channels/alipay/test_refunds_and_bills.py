"""Alipay's refunds and daily statement."""

import asyncio
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from chassis.db import now
from chassis.http_client import NoAnswer, outside_client
from chassis.problems import Problem
from deploy.local.programs import free_port
from kit.calendar import today
from svc_payments.billing.bills.models import Bill
from svc_payments.channels.alipay.client import AlipayChannel
from svc_payments.channels.provider import (
    NoStatement,
    RefundAbsent,
    Refunded,
    Refunding,
    RefundOrder,
    RefundRefused,
    Unclear,
)
from svc_payments.channels.registry import open_channels
from svc_payments.collection.payments.models import Attempt, Payment
from svc_payments.collection.refunds.models import Refund
from svc_payments.reconciliation.runs.worker import work_off
from svc_payments.reconciliation.statements.downloads import fetch
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.alipay.payments import (
    METHODS,
    NOTICES,
    confirmed_payment,
    notify,
    paid_order,
    paid_order_number,
    refund_of,
)
from tests.svc_payments.channels.doubles.alipay import AlipayDouble
from tests.svc_payments.collection.postings.test_provider import certificate_of
from tests.svc_payments.served import served
from tests.svc_payments.world import World


async def test_a_refund_repeated_under_its_number_is_idempotent(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order, transaction_id = await paid_order(channel, alipay)
    refund = refund_of(order, transaction_id, 1000)
    answers = await asyncio.gather(*(channel.refund(refund) for _ in range(3)))
    assert list(answers) == [Refunding()] * 3
    further = refund_of(order, transaction_id, 500)
    await channel.refund(further)
    for each in (refund, further):
        answer = await channel.query_refund(each)
        assert isinstance(answer, Refunded)
        # The amount of this refund, although Alipay answers a refund with the total.
        assert (answer.refund_id, answer.amount_fen) == (transaction_id, each.amount_fen)
        assert abs(answer.refunded_at - now()) < timedelta(seconds=10)
    assert alipay.refunded_fen(alipay.trades[order.number]) == 1500


async def test_a_refunds_number_with_another_amount_gets_what_was_refunded(
    channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order, transaction_id = await paid_order(channel, alipay)
    refund = refund_of(order, transaction_id, 1000)
    await channel.refund(refund)
    answer = await channel.refund(RefundOrder(refund.number, order.number, transaction_id, 999, 4140))
    assert isinstance(answer, Refunded)
    assert answer.amount_fen == 1000


@pytest.mark.parametrize(
    ("sub_code", "kind"),
    [
        ("ACQ.TRADE_HAS_FINISHED", RefundRefused),
        ("ACQ.BUYER_ERROR", RefundRefused),
        ("ACQ.SELLER_BALANCE_NOT_ENOUGH", Unclear),
        ("ACQ.SYSTEM_ERROR", Unclear),
    ],
)
async def test_a_refund_waits_for_money_and_better_times_only(
    channel: AlipayChannel, alipay: AlipayDouble, sub_code: str, kind: type
) -> None:
    order, transaction_id = await paid_order(channel, alipay)
    alipay.faults.append(("trade.refund", "40004", sub_code))
    refund = refund_of(order, transaction_id, 1000)
    assert isinstance(await channel.refund(refund), kind)
    assert await channel.query_refund(refund) == RefundAbsent()


async def test_a_refund_notice_triggers_a_query_at_once(world: World, alipay: AlipayDouble) -> None:
    payment = await confirmed_payment(world, "page")
    number = await paid_order_number(world, alipay, payment)
    async with world.database.transaction() as tx:
        # The payment expires and its bill is voided, so a late capture is refunded.
        await tx.execute(update(Payment).values(expires_at=now()))
        await tx.execute(update(Attempt).values(ask_at=now()))
    alipay.trades[number] |= {"trade_status": "WAIT_BUYER_PAY"}
    async with world.orders() as orders:
        await orders.ask_due()
    assert await world.status(*payment) == "expired"
    alipay.trades[number] |= {"trade_status": "TRADE_SUCCESS"}
    await _void(world)
    assert (await notify(world, alipay.notice(number))).text == "success"
    async with world.refunds() as refunds:
        await refunds.ask_due()
    (waiting,) = await _refunds(world)
    assert (waiting.status, waiting.ask_at and waiting.ask_at > now()) == ("refunding", True)
    assert (await notify(world, alipay.refund_notice(number, waiting.number))).text == "success"
    async with world.refunds() as refunds:
        assert await refunds.ask_due() == 1
    (done,) = await _refunds(world)
    assert (done.status, done.amount_fen) == ("refunded", 4140)


async def _void(world: World) -> None:
    async with world.database.transaction() as tx:
        await tx.execute(update(Bill).values(status="void"))


async def _refunds(world: World) -> list[Refund]:
    async with world.database.read() as tx:
        return list(await tx.scalars(select(Refund)))


async def test_a_days_bill_is_fetched_and_reconciled(world: World, alipay: AlipayDouble) -> None:
    for method in METHODS:
        payment = await confirmed_payment(world, method)
        assert (await notify(world, alipay.notice(await paid_order_number(world, alipay, payment)))).text == "success"
    async with open_channels(world.settings) as channels:
        channel = channels[ChannelName.ALIPAY]
        assert isinstance(channel, AlipayChannel)
        await fetch(world.database, world.settings, "alipay", channel, today())
    await work_off(world.database, world.settings)
    answer = await world.api.get("/payments/v1/reconciliation-runs", headers=world.tokens.staff("auditor"))
    run = answer.json()["items"][0]
    assert (run["phase"], run["lines"], run["matched"], run["difference_fen"]) == ("finished", 4, 4, 0)


async def test_the_bill_of_another_account_is_refused(world: World, alipay: AlipayDouble) -> None:
    settings = world.settings.model_copy(
        update={"alipay": alipay.settings(alipay.base_url, seller_id="2088521231912069")}
    )
    payment = await confirmed_payment(world, "page")
    await paid_order_number(world, alipay, payment)
    async with open_channels(settings) as channels:
        channel = channels[ChannelName.ALIPAY]
        assert isinstance(channel, AlipayChannel)
        with pytest.raises(Problem) as refusal:
            await fetch(world.database, settings, "alipay", channel, today())
    assert refusal.value.code == "statement_of_other_merchant"


async def test_a_day_without_a_statement_is_distinguished_from_a_failure(
    channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    with pytest.raises(NoStatement):
        await anext(channel.statement(today()))
    alipay.faults.append(("bill", "20000", "isp.unknow-error"))
    with pytest.raises(NoAnswer) as refusal:
        await anext(channel.statement(today()))
    assert not isinstance(refusal.value, NoStatement)


async def test_a_statement_is_downloaded_over_tls_like_the_api(tmp_path: Path) -> None:
    cert_file, key_file = certificate_of("localhost", tmp_path)
    double, port = AlipayDouble(), free_port()
    settings = double.settings(f"https://localhost:{port}")
    double.base_url = f"http://localhost:{port}"  # Alipay returns plain http URLs
    trusting = ssl.create_default_context(cafile=cert_file)
    async with (
        served(double.app(), port, ssl_certfile=cert_file, ssl_keyfile=key_file),
        outside_client(tls=trusting) as client,
    ):
        channel = AlipayChannel(settings, f"https://my.example{NOTICES}", 5.0, client)
        await paid_order(channel, double)
        bill = b"".join([piece async for piece in channel.statement(today())])
    assert bill.startswith(b"PK\x03\x04")


@pytest.mark.parametrize("inside", ["http://127.0.0.1", "http://169.254.169.254", "http://[::ffff:10.0.0.1]"])
async def test_a_statement_is_never_fetched_within_our_network(
    channel: AlipayChannel, alipay: AlipayDouble, inside: str
) -> None:
    await paid_order(channel, alipay)
    alipay.base_url = inside
    with pytest.raises(NoAnswer, match="AddressNotPublic"):
        await anext(channel.statement(today()))
