"""An order at Alipay in each of its forms, and how the payer opens it."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from chassis.db import CHINA
from svc_payments.channels.alipay.messages import yuan_of
from svc_payments.channels.provider import DESCRIPTION, Order, Waiting

PRODUCTS = {
    "precreate": "FACE_TO_FACE_PAYMENT",
    "page": "FAST_INSTANT_TRADE_PAY",
    "wap": "QUICK_WAP_WAY",
    "app": "QUICK_MSECURITY_PAY",
}
INTERFACES = {
    "precreate": "alipay.trade.precreate",
    "page": "alipay.trade.page.pay",
    "wap": "alipay.trade.wap.pay",
    "app": "alipay.trade.app.pay",
}
BROWSED = {"page", "wap"}
"""Methods that open in a browser, which returns afterwards."""


def content_of(order: Order, method: str) -> dict[str, str]:
    """The business content of an order.

    Its time ends at a moment and not some minutes after the payer has opened it, or it could still be paid after we
    have given it up.
    """
    return {
        "out_trade_no": order.number,
        "total_amount": yuan_of(order.amount_fen),
        "subject": DESCRIPTION,
        "product_code": PRODUCTS[method],
        "time_expire": order.expires_at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S"),
    }


def way_to_pay(method: str, gateway: str, signed: Mapping[str, str]) -> Waiting:
    """How the payer opens an order that we have signed; Alipay learns of it only then."""
    text = urlencode(signed, quote_via=quote)
    return Waiting(f"{gateway}?{text}") if method in BROWSED else Waiting(pay_parameters={"orderStr": text})
