"""WeChat Pay's orders and refunds."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.requests import Request

from tests.svc_payments.channels.doubles.wechat_protocol import APP, BEIJING, MERCHANT, MOBILE_APP, OPEN_ID, Fault, Json


@dataclass
class WechatOrders:
    orders: dict[str, Json] = field(default_factory=dict)
    refunds: dict[str, Json] = field(default_factory=dict)

    # Actions of the payer and in the merchant's console.

    def pay(self, number: str) -> Json:
        order = self.orders[number]
        paid_at = datetime.now(BEIJING).replace(microsecond=0)
        order |= {
            "trade_state": "SUCCESS",
            "transaction_id": f"42000{secrets.randbelow(10**23):023}",
            "success_time": paid_at.isoformat(),
        }
        return order

    def set_state(self, number: str, state: str) -> None:
        self.orders[number]["trade_state"] = state

    # The API.

    async def place(self, request: Request, content: Json) -> tuple[int, Json]:
        method, number = request.path_params["method"], content["out_trade_no"]
        wanted = {**content, "method": method}
        self.check_order(method, content)
        known = self.orders.get(number)
        if known and known["trade_state"] == "SUCCESS":
            raise Fault(400, "ORDERPAID")
        if known and known["trade_state"] == "CLOSED":
            raise Fault(400, "ORDER_CLOSED")
        if known and known["wanted"] != wanted:
            raise Fault(400, "INVALID_REQUEST")
        self.orders.setdefault(
            number,
            {
                "appid": content["appid"],
                "mchid": MERCHANT,
                "out_trade_no": number,
                "trade_type": method.upper(),
                "trade_state": "NOTPAY",
                "amount": {**content["amount"], "payer_total": content["amount"]["total"], "payer_currency": "CNY"},
                "payer": {"openid": OPEN_ID},
                "wanted": wanted,
            },
        )
        prepay_id = f"wx{hashlib.sha256(number.encode()).hexdigest()[:34]}"
        return 200, {
            "native": {"code_url": f"weixin://wxpay/bizpayurl?pr={prepay_id[:12]}"},
            "h5": {"h5_url": f"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id={prepay_id}"},
            "jsapi": {"prepay_id": prepay_id},
            "app": {"prepay_id": prepay_id},
        }[method]

    def check_order(self, method: str, content: Json) -> None:
        expires = datetime.fromisoformat(content["time_expire"])
        total = content["amount"]["total"]
        if not (
            re.fullmatch(r"[0-9A-Za-z_\-|*@]{6,32}", content["out_trade_no"])
            and content["mchid"] == MERCHANT
            and content["appid"] == (MOBILE_APP if method == "app" else APP)
            and content["notify_url"].endswith("/payments/v1/channels/wechat/notices")
            and content["amount"]["currency"] == "CNY"
            and type(total) is int
            and total > 0
            and 0 < len(content["description"]) <= 127
            and expires.utcoffset() == timedelta(hours=8)
            and (method != "jsapi" or content["payer"]["openid"])
            and (method != "h5" or content["scene_info"]["h5_info"]["type"] == "Wap")
            and (method != "h5" or content["scene_info"]["payer_client_ip"])
        ):
            raise Fault(400, "PARAM_ERROR")

    async def query(self, request: Request, _: Json) -> tuple[int, Json]:
        if request.query_params.get("mchid") != MERCHANT:
            raise Fault(403, "NO_AUTH")
        return 200, {name: value for name, value in self.known(request).items() if name != "wanted"}

    async def close(self, request: Request, content: Json) -> tuple[int, None]:
        order = self.known(request)
        if content != {"mchid": MERCHANT}:
            raise Fault(400, "PARAM_ERROR")
        if order["trade_state"] == "SUCCESS":
            raise Fault(400, "ORDERPAID")
        order["trade_state"] = "CLOSED"
        return 204, None

    def known(self, request: Request) -> Json:
        order = self.orders.get(request.path_params["number"])
        if order is None:
            raise Fault(404, "ORDER_NOT_EXIST")
        return order

    async def refund(self, _: Request, content: Json) -> tuple[int, Json]:
        amount, number = content["amount"], content["out_refund_no"]
        orders = [order for order in self.orders.values() if order.get("transaction_id") == content["transaction_id"]]
        if not orders:
            raise Fault(404, "RESOURCE_NOT_EXISTS")
        if number in self.refunds:
            if self.refunds[number]["amount"]["refund"] != amount["refund"]:
                raise Fault(400, "INVALID_REQUEST")
            return 200, self.refunds[number]
        gone = sum(
            refund["amount"]["refund"]
            for refund in self.refunds.values()
            if refund["transaction_id"] == content["transaction_id"]
        )
        if amount["total"] != orders[0]["amount"]["total"] or gone + amount["refund"] > amount["total"]:
            raise Fault(400, "INVALID_REQUEST")
        self.refunds[number] = {
            "refund_id": f"50000{secrets.randbelow(10**23):023}",
            "out_refund_no": number,
            "transaction_id": content["transaction_id"],
            "out_trade_no": orders[0]["out_trade_no"],
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": datetime.now(BEIJING).isoformat(timespec="seconds"),
            "status": "PROCESSING",
            "amount": {"refund": amount["refund"], "total": amount["total"], "currency": "CNY"},
        }
        return 200, self.refunds[number]

    def finish_refund(self, number: str, status: str = "SUCCESS") -> None:
        self.refunds[number] |= {
            "status": status,
            "success_time": datetime.now(BEIJING).isoformat(timespec="seconds"),
        }

    async def query_refund(self, request: Request, _: Json) -> tuple[int, Json]:
        refund = self.refunds.get(request.path_params["number"])
        if refund is None:
            raise Fault(404, "RESOURCE_NOT_EXISTS")
        return 200, refund
