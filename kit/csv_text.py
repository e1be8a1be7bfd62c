"""CSV as text: every file of the kind is written here, and no text in it runs as a formula."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

Cell = str | int | Decimal | datetime | None
"""A Decimal is an amount in yuan; a datetime has no zone and is shown as it is."""
Rows = Iterable[Sequence[Cell]]

_BEGINS_FORMULA = frozenset("=+-@\u2212")
"""In any width or form; the last is the minus sign, which input methods write."""
_SPLITS_CELLS = frozenset("\t\r\n")


def csv_text(rows: Rows) -> str:
    """Rows of CSV in which no text runs as a formula: people open in spreadsheet programs what was made for others."""
    text = io.StringIO()
    csv.writer(text).writerows([_in_csv(cell) for cell in row] for row in rows)
    return text.getvalue()


def _in_csv(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case datetime():
            return f"{cell:%Y-%m-%d %H:%M:%S}"
        case Decimal():
            return f"{cell:.2f}"
        case str():
            return harmless(cell)
        case _:
            return str(cell)


def harmless(text: str) -> str:
    """Text as a spreadsheet program shows it rather than runs it: an apostrophe marks it as text.

    Blanks and characters without width before a formula are passed over, as some programs do.
    """
    if text[:1] in _SPLITS_CELLS:
        return f"'{text}"
    first = next((character for character in text if not _is_invisible(character)), "")
    return f"'{text}" if unicodedata.normalize("NFKC", first)[:1] in _BEGINS_FORMULA else text


def _is_invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character)[0] in "CM"
