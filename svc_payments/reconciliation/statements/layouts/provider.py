"""A provider's postings of a day: CSV with a header, amounts in yuan; a last line `total,<lines>,<yuan>` may follow.

A posting is named by its id, or by receipt and bill number together. Titles may stand above the header, and rows may
end with empty values.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from uuid import UUID

from kit.files.csv_rows import cut, header_of, rows_of
from svc_payments.billing.files.refusals import EmptyFile
from svc_payments.reconciliation.statements.models import LineState, Movement
from svc_payments.reconciliation.statements.parser import Expected, Line, Lines, check_totals
from svc_payments.reconciliation.statements.records import Record, check_header, expect_end, folded, record_of
from svc_payments.reconciliation.statements.refusals import Fault, StatementTruncated

ENCODINGS = ("utf-8", "gb18030")
HEADER = "posting_id,receipt_number,bill_number,account_number,amount,state,booked_at,reference"
_COLUMNS = HEADER.split(",")
_STATES = {"booked": LineState.DONE, "refused": LineState.FAILED}
_TOTALS = ("total", "lines", "amount")
_POSTING_ID = re.compile(
    r"(?:urn:uuid:)?\{?(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE
)
"""Python reads further forms, some of them as another id: with low lines, or hyphens anywhere."""
_LEAST_NAMES = 4
"""Of the columns, in what is a header with a fault; a title has fewer values."""


def read(lines: Iterator[str], expected: Expected) -> Lines:  # noqa: ARG001 - the day stands in no line: books close late
    """The lines of a file; `Problem`s of `refusals` when it is not whole."""
    rows = rows_of(lines)
    found = header_of(rows, _is_header)
    if found is None:
        raise EmptyFile
    row, header = found
    names = [name.strip() for name in cut(header, 0)]
    check_header(names, _COLUMNS, row)
    counted: Counter[str] = Counter()
    for row, values in rows:
        values = [value.strip() for value in values]  # noqa: PLW2901 - blanks around values mean nothing
        if values[0] == "total":
            _check_summary(values, row, counted)
            expect_end(rows)
            return
        if not any(values):
            continue
        line = _line(record_of(row, names, cut(values, len(names))))
        counted["lines"] += 1
        counted["amount_fen"] += line.amount_fen
        yield line


def _is_header(values: Sequence[str]) -> bool:
    return len({folded(value) for value in values} & {*_COLUMNS}) >= _LEAST_NAMES


def _line(record: Record) -> Line:
    amount = record.fen("amount")
    if amount <= 0:
        raise record.refusal(Fault.NOT_POSITIVE, "amount")
    if record["state"] not in _STATES:
        raise record.refusal(Fault.VALUE, "state")
    number, at, state = _number(record), record.moment("booked_at"), _STATES[record["state"]]
    return Line(record.row, Movement.POSTING, number, "", amount, 0, state, at, record.reference("reference"))


def _number(record: Record) -> str:
    if record["posting_id"]:
        if not _POSTING_ID.fullmatch(record["posting_id"]):
            raise record.refusal(Fault.NUMBER, "posting_id")
        return str(UUID(record["posting_id"]))
    return f"{record.number('receipt_number')}/{record.number('bill_number')}"


def _check_summary(values: list[str], row: int, counted: Counter[str]) -> None:
    values = cut(values, len(_TOTALS))
    if len(values) < len(_TOTALS) or not values[1]:
        raise StatementTruncated
    record = record_of(row, _TOTALS, values)
    check_totals({"lines": record.count("lines"), "amount_fen": record.fen("amount")}, counted)
