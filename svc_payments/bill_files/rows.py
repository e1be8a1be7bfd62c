"""From the text of a bill file to rows for PostgreSQL: divided, normalised, and checked one by one.

Nearly all rows of a file are plain: unquoted, ASCII, nothing wrong with them. One regular expression recognises
those. Whatever it does not take is divided and examined column by column, which also tells what is wrong.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, TextIO

from svc_payments.bill_files.refusals import (
    EmptyFile,
    FieldTooLong,
    LineTooLong,
    Reason,
    TooManyLines,
    UnclosedQuote,
    WrongHeader,
)

COLUMNS = ("bill_number", "account_number", "period", "usage", "amount", "due_date", "meter_from", "meter_to")
LARGEST_AMOUNT_YUAN = 1_000_000
LONGEST_KEPT_NUMBER = 40
LONGEST_LINE = 64 * 1024
"""Characters; also the most that one quoted row may have over several lines, its line breaks among them."""
MOST_LINES = 10_000_000
"""Ten times a large provider's month, and about what fits into the largest file when every line is a row. Blank lines
zip to next to nothing: without this limit a few KB of gzip would keep a thread busy with hundreds of millions."""
_LATEST_DUE_YEARS = 2
_READ = 1024 * 1024
_BLOCK_ROWS = 5_000

_QUANTITY = r"[0-9]{1,9}(?:\.[0-9]{1,3})?"
_PLAIN_ROW = re.compile(
    r"([A-Za-z0-9-]{1,32}),"
    r"([0-9]{3})([0-9]{3})([0-9]{3})([0-9]),"
    r"([0-9]{4}-[0-9]{2}),"
    rf"({_QUANTITY}),"
    r"([1-9][0-9]{0,5})\.([0-9]{2}),"
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}),"
    rf"((?:{_QUANTITY})?),((?:{_QUANTITY})?)"
)
_BILL_NUMBER = re.compile(r"[A-Za-z0-9-]{1,32}")
_ACCOUNT_NUMBER = re.compile(r"([0-9]{3})([0-9]{3})([0-9]{3})([0-9])")
_PERIOD = re.compile(r"[0-9]{4}-[0-9]{2}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_USAGE = re.compile(_QUANTITY)
_AMOUNT = re.compile(r"-?[0-9]+(?:\.[0-9]{1,2})?")

# What NFKC makes of the full-width forms and of the two wide spaces.
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0xA0: 0x20}
# A refused row's first column goes to PostgreSQL as the file has it.
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def _check_states() -> list[dict[str, int]]:
    """ISO 7064 MOD 11,10 three digits at a time: from a state (1 to 10) and "000" to "999" to the next state."""
    tables: list[dict[str, int]] = []
    for start in range(11):
        table = {}
        for digits in (f"{n:03}" for n in range(1000)):
            state = start
            for digit in digits:
                state = ((state + int(digit)) % 10 or 10) * 2 % 11
            table[digits] = state
        tables.append(table)
    return tables


_STATE_AFTER = _check_states()
_CHECK_DIGIT_OF = [str((11 - state) % 10) for state in range(11)]


def check_digit(first: str, second: str, third: str) -> str:
    """The check digit (ISO 7064 MOD 11,10, GB/T 17710) of nine digits, given in threes."""
    return _CHECK_DIGIT_OF[_STATE_AFTER[_STATE_AFTER[_STATE_AFTER[10][first]][second]][third]]


class CheckedRow(NamedTuple):
    """A row without fault, each value as PostgreSQL reads it."""

    bill_number: str
    account_number: str
    period: str
    usage: str
    amount_fen: str
    due_date: str
    meter_from: str
    meter_to: str


STAGED_COLUMNS = ("row", *CheckedRow._fields, "reason")


def staged_blocks(text: TextIO, this_month: date) -> Iterator[str]:
    """The rows of a file as blocks in PostgreSQL's COPY text format, an empty column being NULL.

    A row has the number of the line it begins on; the header is line 1. Blank lines count as lines, not as rows.

    Args:
        text: the file, its lines ending in line feeds.
        this_month: the first day of the last month that is not in the future.

    Raises:
        EmptyFile, WrongHeader, UnclosedQuote, FieldTooLong, LineTooLong, TooManyLines: the whole file is refused.
    """
    lines = enumerate(_lines(text), 1)
    _expect_header(lines)
    block: list[str] = []
    for row, line in lines:
        staged = _plain(row, line, this_month) or _other(row, line, lines, this_month)
        if staged:
            block.append(staged)
        if len(block) == _BLOCK_ROWS:
            yield "".join(block)
            block.clear()
    if block:
        yield "".join(block)


def _lines(text: TextIO) -> Iterator[str]:
    count, rest = 0, ""
    while piece := text.read(_READ):
        lines = (rest + piece).split("\n")
        if len(max(lines, key=len)) > LONGEST_LINE:
            too_long = next(row for row, line in enumerate(lines, count + 1) if len(line) > LONGEST_LINE)
            raise LineTooLong(row=too_long, longest=LONGEST_LINE)
        rest = lines.pop()
        count += len(lines)
        if count + bool(rest) > MOST_LINES:
            raise TooManyLines(most=MOST_LINES)
        yield from lines
    if rest:
        yield rest


def _expect_header(lines: Iterator[tuple[int, str]]) -> None:
    for row, line in lines:
        if line.strip():
            if tuple(map(_normalised, _divided(row, line, lines))) != COLUMNS:
                raise WrongHeader(row=row, expected=",".join(COLUMNS))
            return
    raise EmptyFile


def _plain(row: int, line: str, this_month: date) -> str | None:
    """A plain row without fault, ready for COPY; None when that takes a closer look."""
    match = _PLAIN_ROW.fullmatch(line)
    if match is None:
        return None
    number, first, second, third, check, period, usage, yuan, fen, due_date, before, after = match.groups()
    if (
        check_digit(first, second, third) != check
        or _period_fault(period, this_month)
        or _due_date_fault(due_date, period)
        or (before and after and Decimal(before) > Decimal(after))
    ):
        return None
    return (
        f"{row}\t{number}\t{first}{second}{third}{check}\t{period}-01\t{usage}\t{yuan}{fen}\t{due_date}"
        f"\t{before}\t{after}\t\n"
    )


def _other(row: int, line: str, lines: Iterator[tuple[int, str]], this_month: date) -> str | None:
    """Any row, ready for COPY with its reason when it is refused; None for a blank line."""
    if not line.strip():
        return None
    columns = _divided(row, line, lines)
    result = checked(columns, this_month)
    if isinstance(result, CheckedRow):
        return "\t".join([str(row), *result, "\n"])
    number = columns[0].strip(" \t")[:LONGEST_KEPT_NUMBER].translate(_ESCAPED)
    nothing = "\t" * len(CheckedRow._fields)
    return f"{row}\t{number}{nothing}{result}\n"


def _divided(row: int, line: str, lines: Iterator[tuple[int, str]]) -> list[str]:
    """The columns of a row, which takes further lines when a quoted column has line breaks in it."""
    if '"' not in line:
        return line.split(",")

    def until_closed() -> Iterator[str]:
        yield line + "\n"
        length = len(line)
        for _, following in lines:
            length += 1 + len(following)
            if length > LONGEST_LINE:
                raise FieldTooLong(row=row, longest=LONGEST_LINE)
            yield following + "\n"
        raise UnclosedQuote(row=row)

    try:
        return next(csv.reader(until_closed(), strict=True))
    except csv.Error:  # text after a closing quote: nobody can say where the columns end
        return [line]


def checked(columns: Sequence[str], this_month: date) -> CheckedRow | Reason:
    """The row in these columns, or its first fault from the left."""
    if len(columns) != len(COLUMNS):
        return Reason.WRONG_COLUMN_COUNT
    number, account, period, usage, amount, due_date, before, after = map(_normalised, columns)
    fault = (
        (None if _BILL_NUMBER.fullmatch(number) else Reason.BAD_BILL_NUMBER)
        or _account_fault(account)
        or (_period_fault(period, this_month) if _PERIOD.fullmatch(period) else Reason.BAD_PERIOD)
        or (None if _USAGE.fullmatch(usage) else Reason.BAD_USAGE)
        or _amount_fault(amount)
        or (_due_date_fault(due_date, period) if _DAY.fullmatch(due_date) else Reason.BAD_DUE_DATE)
        or _meter_fault(before, after)
    )
    if fault:
        return fault
    amount_fen = str(int(Decimal(amount) * 100))
    return CheckedRow(number, account, f"{period}-01", usage, amount_fen, due_date, before, after)


def _normalised(value: str) -> str:
    return (value if value.isascii() else value.translate(_NARROW)).strip(" \t")


def _account_fault(account: str) -> Reason | None:
    match = _ACCOUNT_NUMBER.fullmatch(account)
    if match is None:
        return Reason.BAD_ACCOUNT_NUMBER
    first, second, third, check = match.groups()
    return None if check_digit(first, second, third) == check else Reason.BAD_ACCOUNT_CHECK_DIGIT


# A file has a million rows and a handful of dates. Only what looks like a date is remembered.
@lru_cache(maxsize=1_024)
def _period_fault(period: str, this_month: date) -> Reason | None:
    """The fault of a period that is written as YYYY-MM."""
    try:
        month = date.fromisoformat(f"{period}-01")
    except ValueError:
        return Reason.BAD_PERIOD
    return Reason.FUTURE_PERIOD if month > this_month else None


@lru_cache(maxsize=1_024)
def _due_date_fault(due_date: str, period: str) -> Reason | None:
    """The fault of a due date that is written as YYYY-MM-DD, in a row whose period is right."""
    begins = date.fromisoformat(f"{period}-01")
    latest = begins.replace(year=begins.year + _LATEST_DUE_YEARS)
    try:
        return None if begins <= date.fromisoformat(due_date) <= latest else Reason.BAD_DUE_DATE
    except ValueError:
        return Reason.BAD_DUE_DATE


def _amount_fault(amount: str) -> Reason | None:
    if not _AMOUNT.fullmatch(amount):
        return Reason.BAD_AMOUNT
    if Decimal(amount) <= 0:
        return Reason.AMOUNT_NOT_POSITIVE
    return Reason.AMOUNT_TOO_LARGE if Decimal(amount) > LARGEST_AMOUNT_YUAN else None


def _meter_fault(before: str, after: str) -> Reason | None:
    readings = [reading for reading in (before, after) if reading]
    if not all(_USAGE.fullmatch(reading) for reading in readings):
        return Reason.BAD_METER_READING
    return None if sorted(readings, key=Decimal) == readings else Reason.BAD_METER_READING
