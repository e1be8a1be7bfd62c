"""Alipay's bill of business details (alipay.data.dataservice.bill.downloadurl.query, bill_type trade): GBK in a zip.

Comment lines begin with #: before the details the account and the period, after them the totals. Numbers are followed
by a tab; refunds and fees are negative. A refund has the order's numbers, and ours as its request number.
"""

import re
from collections import Counter
from collections.abc import Iterator

from kit.files.csv_rows import cut, values_of_line
from svc_payments.reconciliation.statements.models import LineState, Movement
from svc_payments.reconciliation.statements.parser import Expected, Line, Lines, check_totals
from svc_payments.reconciliation.statements.records import Record, check_header, record_of
from svc_payments.reconciliation.statements.refusals import (
    Fault,
    StatementMalformed,
    StatementOfOtherDay,
    StatementTruncated,
)

ENCODINGS = ("gb18030",)
DETAILS = re.compile(r"\.csv$", re.IGNORECASE)
SUMS = re.compile(r"汇总.*\.csv$", re.IGNORECASE)
"""The other file of the zip sums the details up by shop."""
HEADER = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,"
    "商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,"
    "卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
_TRADE, _ORDER, _KIND, _DONE = "支付宝交易号", "商户订单号", "业务类型", "完成时间"
_RECEIVED, _REQUEST, _FEE = "商家实收（元）", "退款批次号/请求号", "服务费（元）"
_NEEDED = (_TRADE, _ORDER, _KIND, _DONE, _RECEIVED, _REQUEST, _FEE)
_ACCOUNT = re.compile(r"#账号：\[([0-9]+)")
_PERIOD = re.compile(r"#起始日期：\[([0-9]{4})年([0-9]{2})月([0-9]{2})日")
_END = "业务明细列表结束"
_PAID = re.compile(r"#交易合计：([0-9]+)笔，商家实收共(-?[0-9.]+)元")
_BACK = re.compile(r"#退款合计：([0-9]+)笔，商家实收退款共(-?[0-9.]+)元")
_MOST_TOTALS = 10
_TOTAL = ("笔", "商家实收")
_ACCOUNT_DIGITS = 16
"""Of the account line, which puts the code of the currency (0156) after the account."""


def read(lines: Iterator[str], expected: Expected) -> Lines:
    """The lines of a bill; `Problem`s of `refusals` when it is not whole or not ours."""
    rows = enumerate(lines, 1)
    names = _head(rows, expected)
    counted: Counter[str] = Counter()
    for row, text in rows:
        if text.startswith("#") and _END in text:
            _check_summary(rows, counted)
            return
        values = [value.strip() for value in cut(values_of_line(row, text), len(names))]
        line = _line(record_of(row, names, values), expected)
        paid = line.movement == Movement.PAYMENT
        counted["payments" if paid else "refunds"] += 1
        counted["in_fen" if paid else "out_fen"] += abs(line.amount_fen)
        yield line
    raise StatementTruncated


def _head(rows: Iterator[tuple[int, str]], expected: Expected) -> list[str]:
    for row, text in rows:
        if found := _ACCOUNT.match(text):
            expected.check_merchant(found[1][:_ACCOUNT_DIGITS], row)
        elif found := _PERIOD.match(text):
            if "-".join(found.groups()) != expected.day.isoformat():
                raise StatementOfOtherDay(row=row, day=expected.day.isoformat())
        elif not text.startswith("#"):
            names = [name.strip() for name in cut(text.split(","), 0)]
            check_header(names, _NEEDED, row)
            return names
    raise StatementTruncated


def _line(record: Record, expected: Expected) -> Line:
    row = record.row
    expected.check_day(record[_DONE], row)
    at, fee, received = record.moment(_DONE), -record.millifen(_FEE), record.fen(_RECEIVED)
    trade = record.number(_TRADE)
    match record[_KIND]:
        case "交易":
            return Line(row, Movement.PAYMENT, record.number(_ORDER), trade, received, fee, LineState.DONE, at, "")
        case "退款":
            request = record.number(_REQUEST)
            return Line(row, Movement.REFUND, request, "", -abs(received), fee, LineState.DONE, at, trade)
    raise record.refusal(Fault.VALUE, _KIND)


def _check_summary(rows: Iterator[tuple[int, str]], counted: Counter[str]) -> None:
    totals: list[tuple[int, str]] = []
    for row, text in rows:
        # Further details here, such as a second file's, would be in no total.
        if text.strip(" ,") and not text.startswith("#"):
            raise StatementMalformed(Fault.AFTER_TOTALS, row)
        if "合计" in text:
            totals.append((row, text))
    for pattern, count, fen in ((_PAID, "payments", "in_fen"), (_BACK, "refunds", "out_fen")):
        stated = ((row, pattern.search(text)) for row, text in totals[:_MOST_TOTALS])
        row, found = next(((row, found) for row, found in stated if found), (0, None))
        if found is None:
            raise StatementTruncated
        record = Record(row, dict(zip(_TOTAL, found.groups(), strict=True)))
        check_totals({count: record.count(_TOTAL[0]), fen: abs(record.fen(_TOTAL[1]))}, counted)
