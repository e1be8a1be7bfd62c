"""From the text of a bill file to rows for PostgreSQL, split and checked one by one.

Nearly all rows of a file are plain: unquoted, ASCII, without faults. One regular expression recognises
those. Rows that it does not match are split and checked column by column, which finds the fault.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Protocol, TextIO
from uuid import UUID

from kit.fields.check_rules import check_of
from kit.fields.customer_parameters import CustomerParameters
from kit.files.csv_rows import Lines, cut, header_of, values_of
from kit.files.refusals import MisplacedQuote, UnclosedQuote
from svc_payments.billing.bills.reasons import Reason
from svc_payments.billing.bills.staging import staged_columns, staged_line
from svc_payments.billing.bills.validation import (
    COLUMNS,
    MORE_COLUMNS,
    QUANTITY,
    checked,
    due_date_fault,
    normalised,
    period_fault,
)
from svc_payments.billing.files.refusals import EmptyFile, LineTooLong, OtherProvidersFile, TooManyLines, WrongHeader

PROVIDER_COLUMN = "provider_id"
"""The provider that the bills belong to; a table that names it is refused under another provider."""
LONGEST_LINE = 64 * 1024
"""Characters; also the most that one quoted row may have over several lines, its line breaks among them."""
MOST_LINES = 10_000_000
"""Ten times a large provider's month, and about what fits into the largest file when every line is a row. Blank lines
zip to next to nothing: without this limit a few KB of gzip would keep a thread busy with hundreds of millions."""
_READ = 1024 * 1024
_BLOCK_ROWS = 5_000

_BEGINS_ROW = re.compile(
    r'(?:(?:[^,"]{0,64}|"[^,"]{0,64}"),){2}\s*"?\s*\d{4}[-－]\d{2}\s*"?\s*,'
    rf'|(?:[^,"]*,){{{len(COLUMNS) - 1}}}'
)
"""A line that could be a row: it has a period where rows have one, or as many values before any quote."""


@lru_cache(maxsize=256)
def _plain_row(numbers: CustomerParameters) -> re.Pattern[str]:
    """A plain row with an account number that fits but for its check digits."""
    shape = numbers.shape
    narrower = (shape.least, shape.most) != (numbers.min_length, numbers.max_length)
    within = f"(?=[^,]{{{numbers.min_length},{numbers.max_length}}},)" if narrower else ""
    return re.compile(
        r"([A-Za-z0-9-]{1,32}),"
        rf"{within}({shape.inside}),"
        r"([0-9]{4}-[0-9]{2}),"
        rf"({QUANTITY}),"
        r"([1-9][0-9]{0,5})\.([0-9]{2}),"
        r"([0-9]{4}-[0-9]{2}-[0-9]{2}),"
        rf"((?:{QUANTITY})?),((?:{QUANTITY})?)"
    )


class Faults(Protocol):
    """Rows that are refused whatever their content."""

    def get(self, row: int, /) -> Reason | None: ...


@dataclass(frozen=True)
class Staged:
    """Rows on their way to the staging table, in PostgreSQL's COPY text format, an empty column being NULL."""

    names: tuple[str, ...]
    """The columns of the file."""
    columns: tuple[str, ...]
    """Those of the staging table that they fill."""
    blocks: Iterator[str]


def staged_rows(
    text: TextIO, this_month: date, provider_id: UUID, numbers: CustomerParameters, faults: Faults | None = None
) -> Staged:
    """The rows of a file. Its header is read at once, the rest when the blocks are.

    A row has the number of the line it begins on; the first line of the file is line 1. Titles and blank
    lines count as lines, not as rows.

    Args:
        text: the file, its lines ending in line feeds.
        this_month: the first day of the last month that is not in the future.
        provider_id: who sends it.
        numbers: what its account numbers look like.
        faults: faults of rows known before they are read.

    Raises:
        EmptyFile, WrongHeader, UnclosedQuote, MisplacedQuote, FieldTooLong, LineTooLong, TooManyLines: the whole file
            is refused; also while the blocks are read.
        OtherProvidersFile: it says itself that it is another provider's.
    """
    lines = enumerate(_lines(text), 1)
    names = _header(lines)
    division = _Division(names, this_month, str(provider_id), numbers, faults)
    return Staged(names, staged_columns(names), division.blocks(lines))


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


def _header(lines: Lines) -> tuple[str, ...]:
    """The names of the columns: the eight, and after them any of the others. Titles may stand above it."""
    rows = ((row, _divided(row, line, lines)) for row, line in lines if line.strip())
    found = header_of(rows, lambda values: normalised(values[0]) == COLUMNS[0])
    if found is None:
        raise EmptyFile
    row, header = found
    names = tuple(map(normalised, cut(header, 0)))
    more = names[len(COLUMNS) :]
    known = set(more) <= {*MORE_COLUMNS, PROVIDER_COLUMN} and len(set(more)) == len(more)
    if names[: len(COLUMNS)] != COLUMNS or not known:
        raise WrongHeader(row=row, expected=",".join(COLUMNS))
    return names


@dataclass(frozen=True)
class _Division:
    """Divides the lines of one file into rows."""

    names: tuple[str, ...]
    this_month: date
    provider_id: str
    numbers: CustomerParameters
    faults: Faults | None

    def blocks(self, lines: Lines) -> Iterator[str]:
        shape = _plain_row(self.numbers) if self.names == COLUMNS else None
        check = check_of(self.numbers.check_rule)
        block: list[str] = []
        for row, line in lines:
            plain = shape.fullmatch(line) if shape else None
            staged = (plain and self._plain(row, plain, check)) or self._other(row, line, lines)
            if staged:
                block.append(staged)
            if len(block) == _BLOCK_ROWS:
                yield "".join(block)
                block.clear()
        if block:
            yield "".join(block)

    def _plain(self, row: int, match: re.Match[str], check: Callable[[str], bool]) -> str | None:
        """A plain row without fault, ready for COPY; None when that takes a closer look."""
        number, account, period, usage, yuan, fen, due_date, before, after = match.groups()
        if (
            (self.faults and self.faults.get(row))
            or not check(account)
            or period_fault(period, self.this_month)
            or due_date_fault(due_date, period)
            or (before and after and Decimal(before) > Decimal(after))
        ):
            return None
        return f"{row}\t{number}\t{account}\t{period}-01\t{usage}\t{yuan}{fen}\t{due_date}\t{before}\t{after}\t\n"

    def _other(self, row: int, line: str, lines: Lines) -> str | None:
        """Any row, ready for COPY with its fault when it is refused; None for a blank one."""
        if not line.strip() or (not line.strip(" \t,") and line.count(",") >= len(self.names) - 1):
            return None
        values = cut(_divided(row, line, lines), len(self.names))
        self._expect_own(row, values)
        fault = self.faults.get(row) if self.faults else None
        result = fault or checked(values, self.this_month, self.numbers, self.names)
        return staged_line(row, result, values[0], len(staged_columns(self.names)))

    def _expect_own(self, row: int, values: list[str]) -> None:
        if PROVIDER_COLUMN in self.names and len(values) == len(self.names):
            owner = normalised(values[self.names.index(PROVIDER_COLUMN)]).lower()
            if owner != self.provider_id:
                raise OtherProvidersFile(row=row)


def _divided(row: int, line: str, lines: Lines) -> list[str]:
    """The columns of a row, which takes further lines when a quoted column has line breaks in it."""
    if '"' not in line:
        return line.split(",")
    taken: list[str] = []

    def following() -> Lines:
        for number, more in lines:
            # A quote that was never meant to be one would swallow this row without a trace in the report.
            if _BEGINS_ROW.match(more):
                raise UnclosedQuote(row=row)
            taken.append(more)
            yield number, more

    try:
        return values_of(row, line, following(), LONGEST_LINE)
    except MisplacedQuote:
        if taken:
            raise
        return [line]
