"""Lines of CSV divided into values (RFC 4180), strictly: no quote swallows the rows behind it unnoticed."""

import csv
from collections.abc import Callable, Iterator, Sequence

from kit.files.refusals import FieldTooLong, MisplacedQuote, UnclosedQuote

Lines = Iterator[tuple[int, str]]
"""Lines without their ends, with their numbers."""
Row = tuple[int, list[str]]
_MOST_TITLES = 10
_MOST_IN_TITLE = 3
"""Values: a title, and perhaps who made the table and when. Any row of ours has more."""


def values_of(row: int, line: str, following: Lines, longest: int) -> list[str]:
    """The values of the row that begins with this line.

    Args:
        row: the number of the line.
        line: without its end.
        following: the lines after it; as many are taken as a quoted value with line breaks needs.
        longest: the most characters a row may have, its line breaks among them.

    Raises:
        UnclosedQuote: the file ends within a quoted value.
        MisplacedQuote: text follows a closing quote.
        FieldTooLong: a quoted value makes the row longer than `longest`.
    """
    if '"' not in line:
        return line.split(",")

    def until_closed() -> Iterator[str]:
        yield line + "\n"
        length = len(line)
        for _, more in following:
            length += 1 + len(more)
            if length > longest:
                raise FieldTooLong(row=row, longest=longest)
            yield more + "\n"
        raise UnclosedQuote(row=row)

    try:
        return next(csv.reader(until_closed(), strict=True))
    except csv.Error:
        raise MisplacedQuote(row=row) from None


def values_of_line(row: int, line: str) -> list[str]:
    """The values of a row that ends with its line; a quote that is still open there is refused.

    Raises:
        UnclosedQuote, MisplacedQuote
    """
    return values_of(row, line, iter(()), len(line))


def rows_of(lines: Iterator[str]) -> Iterator[Row]:
    """The rows of a table in which no value has a line break, with their numbers.

    Raises:
        UnclosedQuote, MisplacedQuote
    """
    for row, line in enumerate(lines, 1):
        yield row, values_of_line(row, line)


def header_of(rows: Iterator[Row], is_header: Callable[[Sequence[str]], bool]) -> Row | None:
    """The header of a table as it stands.

    Programs write a title above it, which may be passed over because it is no row of the table.

    Returns:
        The header, or else the first row that is not blank, which is none; None if every row is blank.
    """
    first: Row | None = None
    for titles, (row, values) in enumerate(each for each in rows if any(map(str.strip, each[1]))):
        if is_header(values):
            return row, values
        first = first or (row, values)
        if titles == _MOST_TITLES or is_table_row(values):
            break
    return first


def is_table_row(values: Sequence[str]) -> bool:
    """Whether this is more than a title above a table."""
    return sum(1 for value in values if value.strip()) > _MOST_IN_TITLE


def cut(values: Sequence[str], width: int) -> list[str]:
    """The values of a row without the empty ones beyond the width of its table.

    Programs write them to the width of the sheet, to the widest row, or only below the header.
    """
    count = len(values)
    while count > width and not values[count - 1].strip():
        count -= 1
    return list(values[:count])
