"""Orders, payments and notices for the tests of Alipay."""

from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import update

from chassis.db import new_id, now
from chassis.testing import once
from svc_payments.channels.alipay.client import AlipayChannel
from svc_payments.channels.notices import NothingNew, PaidNotice, RefundNotice
from svc_payments.channels.provider import Order, RefundOrder, Waiting
from svc_payments.collection.payments.models import Attempt, Payment
from tests.svc_payments.channels.doubles.alipay import AlipayDouble
from tests.svc_payments.channels.doubles.alipay_protocol import RawNotice
from tests.svc_payments.world import World

NOTICES = "/payments/v1/channels/alipay/notices"
METHODS = ["precreate", "page", "wap", "app"]


def order_of(method: str | None = "precreate", minutes: float = 5, amount_fen: int = 4140) -> Order:
    return Order(new_id().hex, amount_fen, now() + timedelta(minutes=minutes), method)


async def opened_order(channel: AlipayChannel, alipay: AlipayDouble, order: Order | None = None) -> Order:
    order = order or order_of()
    answer = await channel.place(order)
    assert isinstance(answer, Waiting), answer
    alipay.follow(answer.pay_url, answer.pay_parameters)
    return order


async def paid_order(channel: AlipayChannel, alipay: AlipayDouble) -> tuple[Order, str]:
    order = await opened_order(channel, alipay)
    return order, alipay.pay(order.number)["trade_no"]


def refund_of(order: Order, transaction_id: str, amount_fen: int) -> RefundOrder:
    return RefundOrder(new_id().hex, order.number, transaction_id, amount_fen, order.amount_fen)


async def confirmed_payment(world: World, method: str) -> tuple[Any, str]:
    person = new_id()
    bill = await world.bill(person)
    body = {"bill_ids": [str(bill)], "channel": "alipay"}
    headers = world.tokens.resident(person)
    answer = await world.api.post("/payments/v1/payments", json=body, headers=headers | once())
    payment_id = answer.json()["payment_id"]
    url = f"/payments/v1/payments/{payment_id}/confirm"
    answer = await world.api.post(url, json={"method": method}, headers=headers)
    assert answer.json()["status"] == "pending", answer.text
    return person, payment_id


async def make_due(world: World, *, over: bool = False) -> None:
    async with world.database.transaction() as tx:
        await tx.execute(update(Attempt).values(ask_at=now()))
        if over:
            await tx.execute(update(Payment).values(expires_at=now()))


async def read_notice(channel: AlipayChannel, notice: RawNotice) -> PaidNotice | RefundNotice | NothingNew:
    return await channel.read_notice(notice[1], notice[0])


async def notify(world: World, notice: RawNotice) -> httpx.Response:
    return await world.api.post(NOTICES, content=notice[0], headers=notice[1])


async def paid_order_number(world: World, alipay: AlipayDouble, person_payment: tuple[Any, str]) -> str:
    """Open and pay a payment's order; returns the order number."""
    answer = (await world.get(*person_payment)).json()
    number = alipay.follow(answer["pay_url"], answer["pay_parameters"])
    alipay.pay(number)
    return number
