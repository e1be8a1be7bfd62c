"""Alipay's daily statement: download URL and file."""

import io
import zipfile
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from svc_payments.reconciliation.statements.layouts.alipay import HEADER
from tests.svc_payments.channels.doubles.alipay_protocol import SELLER, Fault, Json, fen, moment_text, yuan
from tests.svc_payments.channels.doubles.alipay_trades import AlipayTrades


@dataclass
class AlipayBills(AlipayTrades):
    base_url: str = ""

    def bill(self, content: Json) -> Json:
        if content["bill_type"] != "trade" or content["bill_date"] not in self.days():
            raise Fault("40004", "isp.bill_not_exist")
        query = urlencode(
            {"bizType": "trade", "userId": SELLER, "fileType": "csv.zip", "bizDates": content["bill_date"]}
        )
        return {"bill_download_url": f"{self.base_url}/downloadBillFile.resource?{query}"}

    def days(self) -> set[str]:
        return {trade["gmt_payment"][:10] for trade in self.trades.values() if "gmt_payment" in trade}

    async def download(self, request: Request) -> Response:
        """Return a statement file; the request and the answer are unsigned."""
        return Response(self.bill_file(request.query_params["bizDates"]))

    def bill_file(self, day: str) -> bytes:
        """The zipped statement of a day."""
        rows, paid_fen, back_fen, paid, back = [], 0, 0, 0, 0
        for trade in self.trades.values():
            if trade.get("gmt_payment", "").startswith(day):
                rows.append(self.bill_row(trade, "交易", trade["gmt_payment"], trade["total_amount"], ""))
                paid, paid_fen = paid + 1, paid_fen + fen(trade["total_amount"])
            for number, refund in trade["refunds"].items():
                if refund["gmt_refund_pay"].startswith(day):
                    amount = f"-{refund['refund_amount']}"
                    rows.append(self.bill_row(trade, "退款", refund["gmt_refund_pay"], amount, number))
                    back, back_fen = back + 1, back_fen + fen(refund["refund_amount"])
        in_words = "{}年{}月{}日".format(*day.split("-"))
        lines = [
            "#支付宝业务明细查询",
            f"#账号：[{SELLER}0156]",
            f"#起始日期：[{in_words} 00:00:00]   终止日期：[{in_words} 24:00:00]",
            "#-----------------------------------------业务明细列表----------------------------------------",
            HEADER,
            *rows,
            "#-----------------------------------------业务明细列表结束------------------------------------",
            f"#交易合计：{paid}笔，商家实收共{yuan(paid_fen)}元，商家优惠共0.00元",
            f"#退款合计：{back}笔，商家实收退款共-{yuan(back_fen)}元，商家优惠退款共0.00元",
            f"#导出时间：[{moment_text()}]",
        ]
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for name, text in (("业务明细(汇总).csv", "#支付宝业务汇总查询"), ("业务明细.csv", "\r\n".join(lines))):
                file.writestr(f"{SELLER}0156_{day.replace('-', '')}_{name}", text.encode("gb18030"))
        return archive.getvalue()

    def bill_row(self, trade: Json, kind: str, done: str, amount: str, request: str) -> str:
        head = (f"{trade['trade_no']}\t", f"{trade['out_trade_no']}\t", kind, "我的伊犁 生活缴费", trade["gmt_create"])
        tail = (done, "\t", "\t", "\t", "\t", "159****5620\t", amount, amount, *["0.00"] * 5, "")
        return ",".join((*head, *tail, "0.00\t", "0.00", f"{request}\t", "0.00", "0.00", ""))
