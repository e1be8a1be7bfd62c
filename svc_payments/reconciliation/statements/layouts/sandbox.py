"""The sandbox channel's bill of a day: merchant and day, a header, the lines, the totals; amounts in fen."""

from collections import Counter
from collections.abc import Iterator, Sequence

from kit.files.csv_rows import rows_of
from svc_payments.reconciliation.statements.models import LineState, Movement
from svc_payments.reconciliation.statements.parser import (
    MILLIFEN,
    Expected,
    Line,
    Lines,
    check_totals,
    columns_of,
    count_of,
    expect_end,
    moment_of,
    number_of,
)
from svc_payments.reconciliation.statements.refusals import (
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
        raise StatementMalformed(row=1)
    expected.check_merchant(head[1], 1)
    if head[2] != expected.day.isoformat():
        raise StatementOfOtherDay(row=1, day=expected.day.isoformat())
    columns_of(next(rows, (2, []))[1], _COLUMNS, 2)
    counted: Counter[str] = Counter()
    for row, values in rows:
        if values[:1] == ["total"]:
            _check_summary(values[1:], row, counted)
            expect_end(rows)
            return
        if len(values) != len(_COLUMNS):
            raise StatementMalformed(row=row)
        line = _line(dict(zip(_COLUMNS, values, strict=True)), row)
        counted["lines"] += 1
        counted["in_fen" if line.movement == Movement.PAYMENT else "out_fen"] += abs(line.moved_fen)
        counted["fee_fen"] += line.fee_millifen // MILLIFEN
        yield line
    raise StatementTruncated


def _line(value: dict[str, str], row: int) -> Line:
    amount, fee, at = (
        count_of(value["amount_fen"], row),
        count_of(value["fee_fen"], row) * MILLIFEN,
        moment_of(value["at"], row),
    )
    transaction = number_of(value["transaction_id"], row)
    if value["kind"] == "payment" and value["state"] == "succeeded":
        order = number_of(value["order_number"], row)
        return Line(row, Movement.PAYMENT, order, transaction, amount, fee, LineState.DONE, at, "")
    if value["kind"] == "refund" and value["state"] in _STATES:
        refund, reference = number_of(value["refund_number"], row), number_of(value["refund_id"], row)
        return Line(row, Movement.REFUND, refund, "", -amount, fee, _STATES[value["state"]], at, reference)
    raise StatementMalformed(row=row)


def _check_summary(values: Sequence[str], row: int, counted: Counter[str]) -> None:
    if len(values) != len(_TOTALS):
        raise StatementTruncated
    check_totals({name: count_of(value, row) for name, value in zip(_TOTALS, values, strict=True)}, counted)
