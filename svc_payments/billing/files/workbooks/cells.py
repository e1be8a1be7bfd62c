"""The value of a cell as the text that a CSV file would have. No number is ever a float."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal, InvalidOperation
from enum import Enum
from functools import lru_cache

from kit.fields.check_rules import CheckRule
from kit.fields.customer_parameters import CustomerParameters
from svc_payments.billing.bills.reasons import Reason
from svc_payments.billing.files.workbooks.styles import Form, Style
from svc_payments.billing.files.workbooks.visibility import TRUE

PERIOD, AMOUNT, ACCOUNT = "period", "amount", "account_number"
_NUMBERS = frozenset({"bill_number", ACCOUNT, "supersedes"})

DIGITS = 15
"""A spreadsheet keeps so many; the two more that a file may have are noise of the binary number."""
_FIFTEEN = Context(prec=DIGITS)
_FEN = Decimal("0.01")
_LARGEST_DAY = 2_958_465  # 9999-12-31
_FIRST_DAY_1900 = date(1899, 12, 30)  # of the days that count, those after the 29 February 1900 that never was
_FIRST_DAY_1904 = date(1904, 1, 1)
_AFTER_LEAP_DAY = 61


class Doubt(Enum):
    """What may have become of an account number; whether it has is for the provider's declaration to say."""

    ZEROS = "zeros"
    """As a number it cannot begin with the zeros that were typed."""
    FORMAT = "format"
    """That, and the sheet shows other characters than its digits. A check digit would show that it was changed."""

    def is_fault(self, numbers: CustomerParameters) -> bool:
        unchecked = self is Doubt.FORMAT and numbers.check_rule is CheckRule.NONE
        return unchecked or numbers.hides_lost_zeros


Cell = tuple[str, Reason | Doubt | None]


@lru_cache(maxsize=65_536)
def number(raw: str, style: Style, column: str, *, since_1904: bool = False) -> Cell:
    """A number as the spreadsheet means it in this column, and what speaks against taking it."""
    try:
        value = _FIFTEEN.create_decimal(raw if raw.isascii() and "_" not in raw else "no number")
    except InvalidOperation:
        return raw, None
    if not value.is_finite() or not -DIGITS <= value.adjusted() < DIGITS:
        # Beyond these digits the program has dropped what was typed.
        return f"{value:E}", Reason.VALUE_CHANGED if column in _NUMBERS else None
    if style is Form.DAY:
        # A number such as 1-2 that the program took for a day: what was typed is lost.
        return _day(value, column, since_1904=since_1904), Reason.VALUE_CHANGED if column in _NUMBERS else None
    if column == AMOUNT and value == value.quantize(_FEN):
        return f"{value:.2f}", None
    shown = f"{value.normalize():f}" if value else "0"
    if column in _NUMBERS and isinstance(style, int):
        shown = shown.zfill(style)
    # What the sheet shows is the number the sender sees: zeros or signs that a format adds are not in the value.
    changed = style in {Form.SCIENTIFIC, Form.OTHER} and column in _NUMBERS
    if column == ACCOUNT:
        return shown, Doubt.FORMAT if changed else Doubt.ZEROS if style is None else None
    return shown, Reason.VALUE_CHANGED if changed else None


def _day(value: Decimal, column: str, *, since_1904: bool) -> str:
    earliest = 0 if since_1904 else _AFTER_LEAP_DAY
    if value != int(value) or not earliest <= value <= _LARGEST_DAY - 1462 * since_1904:
        return f"{value.normalize():f}"
    day = (_FIRST_DAY_1904 if since_1904 else _FIRST_DAY_1900) + timedelta(days=int(value))
    return _period_or_day(day.isoformat(), column)


def iso_day(raw: str, column: str) -> Cell:
    """A day that the file writes out (ISO 8601), as some programs do."""
    day = raw.removesuffix("Z").removesuffix("T00:00:00")
    return _period_or_day(day, column), Reason.VALUE_CHANGED if column in _NUMBERS else None


def _period_or_day(day: str, column: str) -> str:
    """A period typed as 2026-09 is the first day of that month to a spreadsheet."""
    return day.removesuffix("-01") if column == PERIOD and day.endswith("-01") else day


def boolean(raw: str) -> str:
    return "TRUE" if raw in TRUE else "FALSE"


class Faults:
    """Rows that are refused for what a spreadsheet has made of them; one byte for each."""

    _MARKS = (None, Doubt.ZEROS, Doubt.FORMAT, Reason.MERGED_CELLS, Reason.VALUE_CHANGED, Reason.FORMULA_WITHOUT_VALUE)

    def __init__(self) -> None:
        self._codes = bytearray()
        self.hidden_rows = 0
        """Rows of which the workbook hides all or a value from its sender. They are read like the others."""

    def __bool__(self) -> bool:
        return bool(self._codes)

    def note(self, first: int, last: int, reason: Reason) -> None:
        """Refuse the rows from `first` to `last`."""
        self._codes.extend(bytes(max(0, last + 1 - len(self._codes))))
        self._codes[first : last + 1] = bytes([self._MARKS.index(reason)]) * (last + 1 - first)

    def doubt(self, row: int, doubt: Doubt) -> None:
        """Note a doubt about a row, unless it is refused anyway."""
        self._codes.extend(bytes(max(0, row + 1 - len(self._codes))))
        self._codes[row] = self._codes[row] or self._MARKS.index(doubt)

    def judged_by(self, numbers: CustomerParameters) -> "JudgedFaults":
        """The faults of a provider whose account numbers look like this."""
        marks = [mark if isinstance(mark, Reason) else None for mark in self._MARKS]
        for doubt in Doubt:
            if doubt.is_fault(numbers):
                marks[self._MARKS.index(doubt)] = Reason.VALUE_CHANGED
        return JudgedFaults(self._codes, tuple(marks))


@dataclass(frozen=True)
class JudgedFaults:
    codes: bytearray
    reasons: tuple[Reason | None, ...]

    def get(self, row: int, /) -> Reason | None:
        return self.reasons[self.codes[row]] if row < len(self.codes) else None
