"""Alipay's orders and refunds.

Alipay creates an order when its payer opens the code, page or app; until then a query does not find it.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.svc_payments.channels.doubles.alipay_protocol import PRODUCTS, Fault, Json, fen, moment_text, yuan


@dataclass
class AlipayTrades:
    codes: dict[str, Json] = field(default_factory=dict)
    """Orders placed by QR code, by number."""
    trades: dict[str, Json] = field(default_factory=dict)
    free_text: str = '营业厅 "}],{" 一'
    not_known_yet: set[str] = field(default_factory=set)
    """Completed refunds that queries do not find yet."""

    def open(self, content: Json) -> str:
        number: str = content["out_trade_no"]
        known = self.trades.get(number)
        if known is None:
            assert content["time_expire"] > moment_text(), "opened too late"
            known = self.trades[number] = {
                "trade_no": f"20261001220014{secrets.randbelow(10**14):014}",
                "out_trade_no": number,
                "trade_status": "WAIT_BUYER_PAY",
                "total_amount": content["total_amount"],
                "gmt_create": moment_text(),
                "time_expire": content["time_expire"],
                "refunds": {},
            }
        assert known["total_amount"] == content["total_amount"]
        return number

    def pay(self, number: str) -> Json:
        trade = self.trades[number]
        trade |= {"trade_status": "TRADE_SUCCESS", "gmt_payment": moment_text()}
        return trade

    def refund_in_console(self, number: str, refund_amount: str) -> None:
        self.give_back(
            self.trades[number], {"out_request_no": f"C{secrets.token_hex(8)}", "refund_amount": refund_amount}
        )

    def trade(self, content: Json) -> Json:
        for trade in self.trades.values():
            if content.get("trade_no", trade["trade_no"]) != trade["trade_no"]:
                continue
            if content.get("out_trade_no", trade["out_trade_no"]) == trade["out_trade_no"]:
                return trade
        raise Fault("40004", "ACQ.TRADE_NOT_EXIST")

    def check_order(self, parameters: Mapping[str, str], content: Json) -> None:
        if not (
            re.fullmatch(r"[0-9A-Za-z_]{1,64}", content["out_trade_no"])
            and re.fullmatch(r"[0-9]{1,9}\.[0-9]{2}", content["total_amount"])
            and fen(content["total_amount"]) > 0
            and 0 < len(content["subject"]) <= 128
            and not set("/=&") & set(content["subject"])
            and content["product_code"] == PRODUCTS[parameters["method"]]
            and parameters["notify_url"].endswith("/payments/v1/channels/alipay/notices")
            and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", content["time_expire"])
            and content["time_expire"] > moment_text()
        ):
            raise Fault("40004", "ACQ.INVALID_PARAMETER")

    def precreate(self, parameters: Mapping[str, str], content: Json) -> Json:
        self.check_order(parameters, content)
        number = content["out_trade_no"]
        status = self.trades.get(number, {}).get("trade_status", "WAIT_BUYER_PAY")
        if status == "TRADE_CLOSED":
            raise Fault("40004", "ACQ.TRADE_HAS_CLOSE")
        if status != "WAIT_BUYER_PAY":
            raise Fault("40004", "ACQ.TRADE_HAS_SUCCESS")
        known = self.codes.setdefault(number, {**content, "code": f"bax{secrets.token_hex(12)}"})
        if known != {**content, "code": known["code"]}:
            raise Fault("40004", "ACQ.CONTEXT_INCONSISTENT")
        return {"out_trade_no": number, "qr_code": f"https://qr.alipay.com/{known['code']}"}

    def query(self, trade: Json) -> Json:
        paid = {"send_pay_date": trade["gmt_payment"]} if "gmt_payment" in trade else {}
        return {
            "buyer_logon_id": "159****5620",
            "buyer_pay_amount": trade["total_amount"] if paid else "0.00",
            "fund_bill_list": [{"amount": trade["total_amount"], "fund_channel": "ALIPAYACCOUNT"}] if paid else [],
            "store_name": self.free_text,
            "out_trade_no": trade["out_trade_no"],
            "total_amount": trade["total_amount"],
            "trade_no": trade["trade_no"],
            "trade_status": trade["trade_status"],
            **paid,
        }

    def close(self, trade: Json) -> Json:
        if trade["trade_status"] != "WAIT_BUYER_PAY":
            raise Fault("40004", "ACQ.REASON_TRADE_STATUS_INVALID")
        trade |= {"trade_status": "TRADE_CLOSED", "gmt_close": moment_text()}
        return {"out_trade_no": trade["out_trade_no"], "trade_no": trade["trade_no"]}

    def refund(self, trade: Json, content: Json) -> Json:
        refunds, number = trade["refunds"], content["out_request_no"]
        known = refunds.get(number)
        if known and known["refund_amount"] != content["refund_amount"]:
            raise Fault("40004", "ACQ.DISCORDANT_REPEAT_REQUEST")
        if known is None:
            self.give_back(trade, content)
        return {
            "out_trade_no": trade["out_trade_no"],
            "trade_no": trade["trade_no"],
            "buyer_logon_id": "159****5620",
            "fund_change": "N" if known else "Y",
            "refund_fee": yuan(self.refunded_fen(trade)),
        }

    def give_back(self, trade: Json, content: Json) -> None:
        if trade["trade_status"] != "TRADE_SUCCESS":
            raise Fault("40004", "ACQ.TRADE_STATUS_ERROR")
        left = fen(trade["total_amount"]) - self.refunded_fen(trade) - fen(content["refund_amount"])
        if left < 0:
            raise Fault("40004", "ACQ.REASON_TRADE_REFUND_FEE_ERR")
        trade["refunds"][content["out_request_no"]] = {
            "refund_amount": content["refund_amount"],
            "gmt_refund_pay": moment_text(),
        }
        if left == 0:
            trade |= {"trade_status": "TRADE_CLOSED", "gmt_close": moment_text()}

    def refunded_fen(self, trade: Json) -> int:
        return sum(fen(refund["refund_amount"]) for refund in trade["refunds"].values())

    def query_refund(self, trade: Json, content: Json) -> Json:
        refund = trade["refunds"].get(content["out_request_no"])
        if refund is None or content["out_request_no"] in self.not_known_yet:
            return {}
        optional = {name: refund[name] for name in content.get("query_options", ()) if name in refund}
        return {
            "out_request_no": content["out_request_no"],
            "out_trade_no": trade["out_trade_no"],
            "trade_no": trade["trade_no"],
            "total_amount": trade["total_amount"],
            "refund_amount": refund["refund_amount"],
            "refund_status": "REFUND_SUCCESS",
            **optional,
        }
