"""UnionPay's file of a merchant's transactions of a day (txnType 76; INN...ZM_ in the zip): GBK, fixed columns.

The columns, counted in bytes, are those of part 3 of its interface specification, separated by blanks. There is no
header and there are no totals: the zip says whether it is whole. It has only finished transactions. A day runs from
23:00 to 23:00, and times have no year.

Amounts with a letter are from the merchant's side: C is a credit and D a debit. A payment is a credit
and its fee a debit; for a refund it is the reverse. The settled amount is the sum of both, which is checked.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import accumulate

from svc_payments.channels.unionpay.times import with_year
from svc_payments.reconciliation.statements.models import LineState, Movement
from svc_payments.reconciliation.statements.parser import Expected, Line, Lines
from svc_payments.reconciliation.statements.records import MILLIFEN, Record
from svc_payments.reconciliation.statements.refusals import Fault, StatementMalformed, StatementOfOtherDay

ENCODINGS = ("gb18030",)
TRANSACTIONS = re.compile(r"(^|/)INN[0-9]{8}ZM_|\.csv$", re.IGNORECASE)
OTHERS = re.compile(r"(^|/)INN[0-9]{8}(?!ZM_)[^/]*$")
"""Disputes, fees and sums have files of their own in the zip."""
WIDTHS = (
    *(3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2),
    *(6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13, 13, 8, 32, 13, 13, 12, 2, 1, 32, 98),
)
_STARTS = (0, *accumulate(width + 1 for width in WIDTHS))
_TIME, _AMOUNT, _QUERY_ID, _ORDER, _FEE, _SETTLED, _TYPE, _MERCHANT = 5, 7, 10, 12, 16, 17, 20, 28
"""Columns as the specification numbers them, from 1."""
_NEEDED_BYTES = _STARTS[_MERCHANT] - 1
_SIGNED = re.compile(r"([CD])([0-9]{12})")
_AMOUNT_DIGITS, _TIME_DIGITS = re.compile(r"[0-9]{12}"), re.compile(r"[0-9]{10}")
_PAYMENT, _BACK = "01", {"04", "31"}
"""31 is a payment voided on its own day, in the merchant's console."""


def read(lines: Iterator[str], expected: Expected) -> Lines:
    """The lines of a file; `Problem`s of `refusals` when it is not ours, of another day or none of UnionPay's."""
    for row, text in enumerate(lines, 1):
        if text.strip():
            yield _line(_Row(text, row), expected)


class _Row:
    """One line, of which the columns are cut by bytes: a Chinese character takes two."""

    def __init__(self, text: str, number: int) -> None:
        self.number = number
        self._raw = text.encode(ENCODINGS[0])
        blanks = {self._raw[start - 1 : start] for start in _STARTS[1:_MERCHANT]}
        if len(self._raw) < _NEEDED_BYTES or blanks != {b" "}:
            raise StatementMalformed(Fault.LINE, number)

    def __getitem__(self, column: int) -> str:
        start = _STARTS[column - 1]
        cut = self._raw[start : start + WIDTHS[column - 1]]
        return cut.decode(ENCODINGS[0], "replace").strip()

    def refusal(self, reason: Fault, column: int) -> StatementMalformed:
        return StatementMalformed(reason, self.number, str(column))

    def matching(self, pattern: re.Pattern[str], column: int, reason: Fault = Fault.AMOUNT) -> re.Match[str]:
        found = pattern.fullmatch(self[column])
        if found is None:
            raise self.refusal(reason, column)
        return found

    def name(self, column: int) -> str:
        """A number of ours or theirs."""
        return Record(self.number, {str(column): self[column]}).number(str(column))

    def signed_fen(self, column: int) -> int:
        letter, digits = self.matching(_SIGNED, column).groups()
        return int(digits) if letter == "C" else -int(digits)


def _line(row: _Row, expected: Expected) -> Line:
    expected.check_merchant(row[_MERCHANT], row.number)
    at, fen = _moment(row, expected), int(row.matching(_AMOUNT_DIGITS, _AMOUNT)[0])
    kind, fee_fen = row[_TYPE], row.signed_fen(_FEE)
    if kind != _PAYMENT and kind not in _BACK:
        raise row.refusal(Fault.VALUE, _TYPE)
    amount = fen if kind == _PAYMENT else -fen
    if amount + fee_fen != row.signed_fen(_SETTLED):
        raise row.refusal(Fault.SUM, _SETTLED)
    number, transaction = row.name(_ORDER), row.name(_QUERY_ID)
    fee = -fee_fen * MILLIFEN
    if kind == _PAYMENT:
        return Line(row.number, Movement.PAYMENT, number, transaction, amount, fee, LineState.DONE, at, "")
    return Line(row.number, Movement.REFUND, number, "", amount, fee, LineState.DONE, at, transaction)


def _moment(row: _Row, expected: Expected) -> str:
    digits = row.matching(_TIME_DIGITS, _TIME, Fault.TIME)[0]
    moment = with_year(digits, f"{expected.day:%Y%m%d}000000")
    if moment is None:
        raise row.refusal(Fault.TIME, _TIME)
    if moment.date() not in {expected.day, expected.day - timedelta(days=1)}:
        raise StatementOfOtherDay(row=row.number, day=expected.day.isoformat())
    return moment.isoformat()
