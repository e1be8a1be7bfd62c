"""The sandbox channel's bill of a day: merchant and day, a header, the lines, the totals; amounts in fen."""

from collections import Counter
from collections.abc import Iterator, Sequence

from kit.files.csv_rows import rows_of
from svc_payments.reconciliation.statements.models import LineState, Movement
from svc_payments.reconciliation.statements.parser import Expected, Line, Lines, check_totals
from svc_payments.reconciliation.statements.records import MILLIFEN, Record, check_header, expect_end, record_of
from svc_payments.reconciliation.statements.refusals import (
    Fault,
    StatementMalformed,
    StatementOfOtherDay,
    StatementTruncated,
)

ENCODINGS = ("utf-8",)
HEADER = "kind,order_number,transaction_id,refund_number,refund_id,amount_fen,fee_fen,state,at"
_COLUMNS = HEADER.split(",")
_STATES = {
    "succeeded": LineState.DONE,
    "processing": LineState.OPEN,
    "abnormal": LineState.OPEN,
    "closed": LineState.FAILED,
}
"""The money of a refund leaves on the day it succeeds, in the bill of that day."""
_TOTALS = ("lines", "in_fen", "out_fen", "fee_fen")
_HEAD = 3


def read(lines: Iterator[str], expected: Expected) -> Lines:
    """The lines of a bill; `Problem`s of `refusals` when it is not whole or not ours."""
    rows = rows_of(lines)
    _, head = next(rows, (1, []))
    if len(head) != _HEAD or head[0] != "statement":
        raise StatementMalformed(Fault.LINE, 1)
    expected.check_merchant(head[1], 1)
    if head[2] != expected.day.isoformat():
        raise StatementOfOtherDay(row=1, day=expected.day.isoformat())
    row, header = next(rows, (2, []))
    check_header(header, _COLUMNS, row)
    counted: Counter[str] = Counter()
    for row, values in rows:
        if values[:1] == ["total"]:
            _check_summary(values[1:], row, counted)
            expect_end(rows)
            return
        line = _line(record_of(row, header, values))
        counted["lines"] += 1
        counted["in_fen" if line.movement == Movement.PAYMENT else "out_fen"] += abs(line.moved_fen)
        counted["fee_fen"] += line.fee_millifen // MILLIFEN
        yield line
    raise StatementTruncated


def _line(record: Record) -> Line:
    amount, fee = record.count("amount_fen"), record.count("fee_fen") * MILLIFEN
    at, transaction, row = record.moment("at"), record.number("transaction_id"), record.row
    match record["kind"]:
        case "payment" if record["state"] == "succeeded":
            order = record.number("order_number")
            return Line(row, Movement.PAYMENT, order, transaction, amount, fee, LineState.DONE, at, "")
        case "refund" if record["state"] in _STATES:
            refund, reference = record.number("refund_number"), record.number("refund_id")
            return Line(row, Movement.REFUND, refund, "", -amount, fee, _STATES[record["state"]], at, reference)
    raise record.refusal(Fault.VALUE, "state" if record["kind"] in {"payment", "refund"} else "kind")


def _check_summary(values: Sequence[str], row: int, counted: Counter[str]) -> None:
    if len(values) != len(_TOTALS):
        raise StatementTruncated
    record = record_of(row, _TOTALS, values)
    check_totals({name: record.count(name) for name in _TOTALS}, counted)
