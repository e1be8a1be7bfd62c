"""The transaction bill of WeChat Pay (GET /v3/bill/tradebill, bill_type ALL): UTF-8, 27 columns, each value after a `.

A line is of the day in its first column, where a refund has the time at which it was accepted. Its money is gone from
that day's, as the totals say; its state is never updated, and a later success stands in no bill. The summary has a
header of its own and one line; fees have five decimals, and those of refunds are returned, so they are negative.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from svc_payments.reconciliation.statements.models import LineState, Movement
from svc_payments.reconciliation.statements.parser import (
    Expected,
    Line,
    Lines,
    check_totals,
    columns_of,
    count_of,
    expect_end,
    fen_of,
    millifen_of,
    moment_of,
    number_of,
)
from svc_payments.reconciliation.statements.refusals import StatementMalformed, StatementTruncated

ENCODINGS = ("utf-8",)
HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,"
    "申请退款金额,费率备注"
)
SUMMARY = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
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
    places = columns_of(header.split(","), _NEEDED, row)
    counted: Counter[str] = Counter()
    for row, text in rows:
        if text.startswith("总交易单数,"):
            _check_summary(text, next(rows, (row, ""))[1], row, counted)
            expect_end((number, [rest]) for number, rest in rows)
            return
        values = _values(text, row)
        if len(values) != len(places):
            raise StatementMalformed(row=row)
        line = _line({name: values[places[name]] for name in _NEEDED}, row, expected)
        counted["lines"] += 1
        counted["in_fen" if line.movement == Movement.PAYMENT else "out_fen"] += abs(line.moved_fen)
        counted["fee_millifen"] += line.fee_millifen
        yield line
    raise StatementTruncated


def _values(text: str, row: int) -> Sequence[str]:
    # A comma alone parts nothing: the name of a thing sold may have one.
    if not text.startswith("`"):
        raise StatementMalformed(row=row)
    return text[1:].split(",`")


def _line(value: dict[str, str], row: int, expected: Expected) -> Line:
    expected.check_day(value["交易时间"], row)
    expected.check_merchant(value["商户号"], row)
    if value["货币种类"] != "CNY":
        raise StatementMalformed(row=row)
    at, fee = moment_of(value["交易时间"], row), millifen_of(value["手续费"], row)
    order, transaction = number_of(value["商户订单号"], row), number_of(value["微信订单号"], row)
    match value["交易状态"]:
        case "SUCCESS":
            paid = fen_of(value["应结订单金额"], row)
            return Line(row, Movement.PAYMENT, order, transaction, paid, fee, LineState.DONE, at, "")
        case "REFUND":
            back = -abs(fen_of(value["退款金额"], row))
            state = _refund_state(value["退款状态"], row)
            refund, reference = number_of(value["商户退款单号"], row), number_of(value["微信退款单号"], row)
            return Line(row, Movement.REFUND, refund, "", back, fee, state, at, reference)
        case "REVOKED":
            # Voided at the till under the order's number: there is no refund number.
            back = -abs(fen_of(value["退款金额"], row))
            stated = value["退款状态"]
            state = LineState.DONE if stated in _NO_STATE else _refund_state(stated, row)
            return Line(row, Movement.REFUND, order, "", back, fee, state, at, transaction)
    raise StatementMalformed(row=row)


def _refund_state(stated: str, row: int) -> LineState:
    if stated not in _REFUND_STATES:
        raise StatementMalformed(row=row)
    return _REFUND_STATES[stated]


def _check_summary(header: str, text: str, row: int, counted: Counter[str]) -> None:
    if not text:
        raise StatementTruncated
    stated = dict(zip(header.split(","), _values(text, row + 1), strict=False))
    if not {"应结订单总金额", "退款总金额", "手续费总金额"} <= stated.keys():
        raise StatementMalformed(row=row)
    totals = {
        "lines": count_of(stated["总交易单数"], row + 1),
        "in_fen": fen_of(stated["应结订单总金额"], row + 1),
        "out_fen": abs(fen_of(stated["退款总金额"], row + 1)),
        "fee_millifen": millifen_of(stated["手续费总金额"], row + 1),
    }
    check_totals(totals, counted)
