"""A provider's postings of a day: CSV with a header, amounts in yuan; a last line `total,<lines>,<yuan>` may follow.

A posting is named by its id, or by receipt and bill number together. Titles may stand above the header, and rows may
end with empty values.
"""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from kit.files.csv_rows import cut, header_of, rows_of
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
    moment_of,
    number_of,
    reference_of,
)
from svc_payments.reconciliation.statements.refusals import StatementMalformed, StatementTruncated

ENCODINGS = ("utf-8", "gb18030")
HEADER = "posting_id,receipt_number,bill_number,account_number,amount,state,booked_at,reference"
_COLUMNS = HEADER.split(",")
_STATES = {"booked": LineState.DONE, "refused": LineState.FAILED}
_TOTALS = 3


def read(lines: Iterator[str], expected: Expected) -> Lines:  # noqa: ARG001 - the day stands in no line: books close late
    """The lines of a file; `Problem`s of `refusals` when it is not whole."""
    rows = rows_of(lines)
    row, header = header_of(rows, lambda values: {value.strip() for value in values} >= {*_COLUMNS}) or (1, [])
    names = [name.strip() for name in cut(header, 0)]
    places = columns_of(names, _COLUMNS, row)
    counted: Counter[str] = Counter()
    for row, values in rows:
        values = [value.strip() for value in values]  # noqa: PLW2901 - blanks around values mean nothing
        if values[0] == "total":
            _check_summary(values, row, counted)
            expect_end(rows)
            return
        if not any(values):
            continue
        values = cut(values, len(names))  # noqa: PLW2901 - as above
        if len(values) != len(names):
            raise StatementMalformed(row=row)
        line = _line({name: values[places[name]] for name in _COLUMNS}, row)
        counted["lines"] += 1
        counted["amount_fen"] += line.amount_fen
        yield line


def _line(value: dict[str, str], row: int) -> Line:
    amount = fen_of(value["amount"], row)
    if value["state"] not in _STATES or amount <= 0:
        raise StatementMalformed(row=row)
    reference = reference_of(value["reference"])
    number, at, state = _number(value, row), moment_of(value["booked_at"], row), _STATES[value["state"]]
    return Line(row, Movement.POSTING, number, "", amount, 0, state, at, reference)


def _number(value: dict[str, str], row: int) -> str:
    if value["posting_id"]:
        try:
            return str(UUID(value["posting_id"]))
        except ValueError:
            raise StatementMalformed(row=row) from None
    return f"{number_of(value['receipt_number'], row)}/{number_of(value['bill_number'], row)}"


def _check_summary(values: list[str], row: int, counted: Counter[str]) -> None:
    if len(values) < _TOTALS or not values[1]:
        raise StatementTruncated
    if any(values[_TOTALS:]):
        raise StatementMalformed(row=row)
    check_totals({"lines": count_of(values[1], row), "amount_fen": fen_of(values[2], row)}, counted)
