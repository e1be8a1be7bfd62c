"""Orders and signatures for the tests of WeChat Pay."""

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


async def placed_order(channel: WechatChannel, method: str = "native") -> Order:
    order = new_order(method)
    assert isinstance(await channel.place(order), Waiting)
    return order


async def paid_order(channel: WechatChannel, double: WechatDouble) -> Order:
    order = await placed_order(channel)
    double.pay(order.number)
    return order


def lowercase_names(headers: dict[str, str]) -> dict[str, str]:
    """Header names as `read_notice` expects them."""
    return {name.lower(): value for name, value in headers.items()}


def verify_our_signature(double: WechatDouble, signature: str, *lines: str) -> None:
    message = "".join(f"{line}\n" for line in lines).encode()
    double.merchant.key.public_key().verify(base64.b64decode(signature), message, PKCS1v15(), hashes.SHA256())
