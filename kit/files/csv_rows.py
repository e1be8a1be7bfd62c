"""Lines of CSV divided into values (RFC 4180), strictly: no quote swallows the rows behind it unnoticed."""

import csv
from collections.abc import Iterator

from kit.files.refusals import FieldTooLong, MisplacedQuote, UnclosedQuote

Lines = Iterator[tuple[int, str]]
"""Lines without their ends, with their numbers."""


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


def rows_of(lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table in which no value has a line break, with their numbers.

    Raises:
        UnclosedQuote, MisplacedQuote
    """
    for row, line in enumerate(lines, 1):
        yield row, values_of_line(row, line)
