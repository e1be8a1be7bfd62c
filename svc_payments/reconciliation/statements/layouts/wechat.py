"""The transaction bill of WeChat Pay (GET /v3/bill/tradebill, bill_type ALL): UTF-8, 27 columns, each value after a `.

A line is of the day in its first column, where a refund has the time at which it was accepted. Its money is gone from
that day's, as the totals say; its state is never updated, and a later success stands in no bill. The summary has a
header of its own and one line; fees have five decimals, and those of refunds are returned, so they are negative.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from kit.files.csv_rows import cut
from svc_payments.reconciliation.statements.models import LineState, Movement
from svc_payments.reconciliation.statements.parser import Expected, Line, Lines, check_totals
from svc_payments.reconciliation.statements.records import Record, check_header, expect_end, record_of
from svc_payments.reconciliation.statements.refusals import Fault, StatementMalformed, StatementTruncated

ENCODINGS = ("utf-8",)
HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,"
    "申请退款金额,费率备注"
)
SUMMARY = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
_TOTALS = ("总交易单数", "应结订单总金额", "退款总金额", "手续费总金额")
_NEEDED = (
    "交易时间",
    "商户号",
    "微信订单号",
    "商户订单号",
    "交易状态",
    "货币种类",
    "应结订单金额",
    "微信退款单号",
    "商户退款单号",
    "退款金额",
    "退款状态",
    "手续费",
)
_REFUND_STATES = {
    "SUCCESS": LineState.DONE,
    "PROCESSING": LineState.ACCEPTED,
    "CHANGE": LineState.ACCEPTED,
    "FAIL": LineState.FAILED,
    "REFUNDCLOSE": LineState.FAILED,
}
"""CHANGE: the payer's account could not take the money, which has left ours all the same. FAIL and REFUNDCLOSE: it has
not. WeChat Pay's total of refunds has only money that left."""
_NO_STATE = {"", "0"}
"""What a payment voided at the till may have in place of a state."""


def read(lines: Iterator[str], expected: Expected) -> Lines:
    """The lines of a bill; `Problem`s of `refusals` when it is not whole or not ours."""
    rows = enumerate(lines, 1)
    row, header = next(rows, (1, ""))
    names = cut(header.split(","), 0)
    check_header(names, _NEEDED, row)
    counted: Counter[str] = Counter()
    for row, text in rows:
        if text.startswith("总交易单数,"):
            _check_summary(text, next(rows, (row, ""))[1], row, counted)
            expect_end((number, [rest]) for number, rest in rows)
            return
        line = _line(record_of(row, names, _values(text, row)), expected)
        counted["lines"] += 1
        counted["in_fen" if line.movement == Movement.PAYMENT else "out_fen"] += abs(line.moved_fen)
        counted["fee_millifen"] += line.fee_millifen
        yield line
    raise StatementTruncated


def _values(text: str, row: int) -> Sequence[str]:
    # A comma alone parts nothing: the name of a thing sold may have one.
    if not text.startswith("`"):
        raise StatementMalformed(Fault.LINE, row)
    return text[1:].split(",`")


def _line(record: Record, expected: Expected) -> Line:
    row = record.row
    expected.check_day(record["交易时间"], row)
    expected.check_merchant(record["商户号"], row)
    if record["货币种类"] != "CNY":
        raise record.refusal(Fault.VALUE, "货币种类")
    at, fee = record.moment("交易时间"), record.millifen("手续费")
    order, transaction = record.number("商户订单号"), record.number("微信订单号")
    match record["交易状态"]:
        case "SUCCESS":
            paid = record.fen("应结订单金额")
            return Line(row, Movement.PAYMENT, order, transaction, paid, fee, LineState.DONE, at, "")
        case "REFUND":
            back = -abs(record.fen("退款金额"))
            state = _refund_state(record)
            refund, reference = record.number("商户退款单号"), record.number("微信退款单号")
            return Line(row, Movement.REFUND, refund, "", back, fee, state, at, reference)
        case "REVOKED":
            # Voided at the till under the order's number: there is no refund number.
            back = -abs(record.fen("退款金额"))
            state = LineState.DONE if record["退款状态"] in _NO_STATE else _refund_state(record)
            return Line(row, Movement.REFUND, order, "", back, fee, state, at, transaction)
    raise record.refusal(Fault.VALUE, "交易状态")


def _refund_state(record: Record) -> LineState:
    if record["退款状态"] not in _REFUND_STATES:
        raise record.refusal(Fault.VALUE, "退款状态")
    return _REFUND_STATES[record["退款状态"]]


def _check_summary(header: str, text: str, row: int, counted: Counter[str]) -> None:
    if not text:
        raise StatementTruncated
    # A spreadsheet that saves the bill fills these two lines up to the width of the others.
    names, values = cut(header.split(","), 0), _values(text, row + 1)
    check_header(names, _TOTALS, row)
    record = record_of(row + 1, names, values)
    totals = {
        "lines": record.count("总交易单数"),
        "in_fen": record.fen("应结订单总金额"),
        "out_fen": abs(record.fen("退款总金额")),
        "fee_millifen": record.millifen("手续费总金额"),
    }
    check_totals(totals, counted)
