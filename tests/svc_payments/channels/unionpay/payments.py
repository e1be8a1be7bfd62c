"""Orders, forms and refunds for the tests of UnionPay."""

from datetime import timedelta

from chassis.db import new_id, now
from svc_payments.channels.provider import Order, RefundOrder, Waiting
from svc_payments.channels.unionpay.client import UnionpayChannel

PASSED = now() - timedelta(seconds=5)


def new_order(method: str | None = None) -> Order:
    return Order(new_id().hex, 4140, now() + timedelta(minutes=5), method)


async def form_of(channel: UnionpayChannel, order: Order) -> tuple[str, dict[str, str]]:
    answer = await channel.place(order)
    assert isinstance(answer, Waiting)
    assert answer.pay_url
    assert answer.pay_parameters
    return answer.pay_url, dict(answer.pay_parameters)


def refund_of(order: Order, transaction_id: str, amount_fen: int = 1000) -> RefundOrder:
    return RefundOrder(new_id().hex, order.number, transaction_id, amount_fen, order.amount_fen)
