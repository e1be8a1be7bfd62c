"""Steps that tests of WeChat Pay have in common."""

import base64
from datetime import timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from chassis.db import new_id, now
from svc_payments.channels.provider import Order, Payer, Waiting
from svc_payments.channels.wechat.client import WechatChannel
from tests.svc_payments.channels.doubles.wechat import WechatDouble
from tests.svc_payments.channels.doubles.wechat_protocol import OPEN_ID

PAYER = Payer(OPEN_ID, "36.189.12.7")


def new_order(method: str = "native", payer: Payer = PAYER) -> Order:
    return Order(new_id().hex, 4140, now() + timedelta(minutes=5), method, payer)


async def placed(channel: WechatChannel, method: str = "native") -> Order:
    order = new_order(method)
    assert isinstance(await channel.place(order), Waiting)
    return order


async def paid(channel: WechatChannel, double: WechatDouble) -> Order:
    order = await placed(channel)
    double.pay(order.number)
    return order


def lower(headers: dict[str, str]) -> dict[str, str]:
    """As they are looked up."""
    return {name.lower(): value for name, value in headers.items()}


def signed_by_us(double: WechatDouble, signature: str, *lines: str) -> None:
    message = "".join(f"{line}\n" for line in lines).encode()
    double.merchant.key.public_key().verify(base64.b64decode(signature), message, PKCS1v15(), hashes.SHA256())
