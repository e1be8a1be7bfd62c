"""An order at WeChat Pay in each of its forms, and what the payer's phone is given to pay it with."""

import secrets
import time
from typing import Any, TypeVar

from chassis.db import CHINA
from svc_payments.channels.calls import NotUnderstood
from svc_payments.channels.provider import DESCRIPTION, Order, Waiting
from svc_payments.channels.wechat import messages
from svc_payments.channels.wechat.signatures import Merchant
from svc_payments.settings.channels import WechatSettings

CURRENCY = "CNY"

Known = TypeVar("Known")


def content_of(order: Order, method: str, settings: WechatSettings, notice_url: str) -> dict[str, Any]:
    """The body of POST /v3/pay/transactions/{method}.

    Raises:
        NotUnderstood: the method needs payer data that only the payer's own request has.
    """
    content: dict[str, Any] = {
        "appid": app_id(settings, method),
        "mchid": settings.merchant_id,
        "description": DESCRIPTION,
        "out_trade_no": order.number,
        "time_expire": order.expires_at.astimezone(CHINA).isoformat(timespec="seconds"),
        "notify_url": notice_url,
        "amount": {"total": order.amount_fen, "currency": CURRENCY},
    }
    if method == "jsapi":
        content["payer"] = {"openid": _known(order.payer.open_id)}
    if method == "h5":
        content["scene_info"] = {"payer_client_ip": _known(order.payer.address), "h5_info": {"type": "Wap"}}
    return content


def way_to_pay(answer: bytes, method: str, settings: WechatSettings, merchant: Merchant) -> Waiting:
    """What the answer to an order gives the payer: something to open, or signed parameters for WeChat's SDK.

    Raises:
        pydantic.ValidationError: the answer is none to this method.
    """
    if method == "native":
        return Waiting(messages.Native.model_validate_json(answer).code_url)
    if method == "h5":
        return Waiting(messages.H5.model_validate_json(answer).h5_url)
    prepay_id = messages.Prepaid.model_validate_json(answer).prepay_id
    moment, nonce = str(int(time.time())), secrets.token_hex(16)
    application = app_id(settings, method)
    if method == "app":
        return Waiting(pay_parameters=_for_app(merchant, application, prepay_id, moment, nonce))
    return Waiting(pay_parameters=_for_jsapi(merchant, application, prepay_id, moment, nonce))


def _for_jsapi(merchant: Merchant, application: str, prepay_id: str, moment: str, nonce: str) -> dict[str, str]:
    package = f"prepay_id={prepay_id}"
    return {
        "appId": application,
        "timeStamp": moment,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": merchant.sign(application, moment, nonce, package),
    }


def _for_app(merchant: Merchant, application: str, prepay_id: str, moment: str, nonce: str) -> dict[str, str]:
    return {
        "appid": application,
        "partnerid": merchant.merchant_id,
        "prepayid": prepay_id,
        "package": "Sign=WXPay",
        "noncestr": nonce,
        "timestamp": moment,
        "sign": merchant.sign(application, moment, nonce, prepay_id),
    }


def app_id(settings: WechatSettings, method: str) -> str:
    return (method == "app" and settings.mobile_app_id) or settings.app_id


def _known(value: Known | None) -> Known:
    if value is None:
        raise NotUnderstood("payer_not_known")
    return value
