"""Orders and refunds, tested on every channel."""

from dataclasses import replace
from datetime import timedelta

from chassis.db import new_id, now
from svc_payments.channels.provider import (
    Absent,
    Closed,
    Order,
    Paid,
    RefundAbsent,
    Refunded,
    Refunding,
    RefundOrder,
    RefundRefused,
    Unclear,
    Waiting,
)
from tests.svc_payments.channels.rigs.contract import FullChannel, Rig


async def test_answers_signed_by_somebody_else_are_unclear(channel: FullChannel, rig: Rig) -> None:
    order = await placed(channel, rig)
    rig.pay(order.number)
    rig.forge_answers()
    assert isinstance(await channel.query(order), Unclear)
    assert isinstance(await channel.refund(refund_of(order, "T1")), Unclear)


def order_by(rig: Rig) -> Order:
    return Order(new_id().hex, 4140, now() + timedelta(minutes=5), rig.method)


async def placed(channel: FullChannel, rig: Rig) -> Order:
    order = order_by(rig)
    answer = await channel.place(order)
    assert isinstance(answer, Waiting)
    await rig.opened(answer.pay_url, answer.pay_parameters)
    return order


def refund_of(order: Order, transaction_id: str, amount_fen: int = 4140) -> RefundOrder:
    return RefundOrder(new_id().hex, order.number, transaction_id, amount_fen, order.amount_fen)


async def test_an_order_has_the_state_that_the_channel_reports(channel: FullChannel, rig: Rig) -> None:
    assert isinstance(await channel.query(order_by(rig)), Absent)
    order = await placed(channel, rig)
    assert isinstance(await channel.query(order), Waiting | Absent)
    rig.pay(order.number)
    answer = await channel.query(order)
    assert isinstance(answer, Paid)
    assert (answer.amount_fen, answer.currency) == (4140, "CNY")
    assert abs(answer.paid_at - now()) < timedelta(seconds=10)
    assert await channel.close(order) == answer


async def test_a_closed_order_is_closed(channel: FullChannel, rig: Rig) -> None:
    order = await placed(channel, rig)
    if not rig.closes_orders:
        assert isinstance(await channel.close(order), Waiting)
        order = replace(order, expires_at=now())
    assert isinstance(await channel.close(order), Closed)
    assert isinstance(await channel.query(order), Closed)


async def test_a_failure_at_the_channel_leaves_the_order_open(channel: FullChannel, rig: Rig) -> None:
    order = await placed(channel, rig)
    for ask in (channel.query, channel.place, channel.close):
        rig.silence()
        assert isinstance(await ask(order), Unclear | Waiting)


async def test_a_refund_is_idempotent_by_its_number(channel: FullChannel, rig: Rig) -> None:
    order, transaction_id = await paid_order(channel, rig)
    refund = refund_of(order, transaction_id, 1000)
    assert isinstance(await channel.query_refund(refund), RefundAbsent)
    for _ in range(2):
        assert isinstance(await channel.refund(refund), Refunding | Refunded)
    rig.finish_refund(refund.number)
    answer = await channel.query_refund(refund)
    assert isinstance(answer, Refunded)
    assert answer.amount_fen == 1000
    assert rig.refunded_fen(order.number) == 1000


async def paid_order(channel: FullChannel, rig: Rig) -> tuple[Order, str]:
    order = await placed(channel, rig)
    rig.pay(order.number)
    answer = await channel.query(order)
    assert isinstance(answer, Paid)
    return order, answer.transaction_id


async def test_no_more_is_refunded_than_was_paid(channel: FullChannel, rig: Rig) -> None:
    order, transaction_id = await paid_order(channel, rig)
    assert isinstance(await channel.refund(refund_of(order, transaction_id, 3000)), Refunding | Refunded)
    assert isinstance(await channel.refund(refund_of(order, transaction_id, 1141)), RefundRefused)
    assert rig.refunded_fen(order.number) == 3000


async def test_a_failure_of_a_refund_at_the_channel_is_unclear(channel: FullChannel, rig: Rig) -> None:
    order, transaction_id = await paid_order(channel, rig)
    rig.silence()
    refund = refund_of(order, transaction_id)
    assert isinstance(await channel.refund(refund), Unclear)
    rig.silence()
    assert isinstance(await channel.query_refund(refund), Unclear)
    assert isinstance(await channel.query_refund(refund), RefundAbsent)
