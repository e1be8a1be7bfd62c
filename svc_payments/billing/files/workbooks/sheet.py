"""The rows of one sheet as they are unpacked."""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from kit.files.csv_rows import is_table_row
from svc_payments.billing.bills.reasons import Reason
from svc_payments.billing.bills.validation import COLUMNS, MORE_COLUMNS, normalised
from svc_payments.billing.files.refusals import WorkbookBroken, WorkbookTooLarge
from svc_payments.billing.files.workbooks import cells
from svc_payments.billing.files.workbooks.archive import LARGEST_UNPACKED
from svc_payments.billing.files.workbooks.cells import Doubt, Faults
from svc_payments.billing.files.workbooks.markup import Markup, local
from svc_payments.billing.files.workbooks.strings import LONGEST_TEXT, Strings, plain
from svc_payments.billing.files.workbooks.styles import Style
from svc_payments.billing.files.workbooks.visibility import Visibility

MOST_ROWS = 1_048_576
"""Of any sheet, by the programs that make them."""
MOST_CELLS = 20_000_000
_WIDEST = len(COLUMNS) + len(MORE_COLUMNS) + 4
"""The columns that are read; further columns hold no bill values."""
_MOST_MERGED = 100_000
_LETTERS, _LARGEST_COLUMN = re.compile(r"[A-Z]{1,3}"), 16_384
_RANGE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7}):\$?([A-Z]{1,3})\$?([0-9]{1,7})")

_PARENTS: Mapping[str, Container[str]] = {
    "sheetData": {"worksheet"},
    "row": {"sheetData"},
    "c": {"row"},
    "f": {"c"},
    "v": {"c"},
    "is": {"c"},
    "t": {"is", "r", "rPh"},
}
"""Where the elements of a table may stand. Anywhere else, such as in an alternative, programs read them differently."""
_TEXTS = {"str", "inlineStr"}

Row = tuple[int, list[str]]


@dataclass(frozen=True)
class Book:
    """What the sheets of a workbook share."""

    strings: Strings
    styles: list[Style]
    since_1904: bool
    computed_on_load: bool
    """The program that wrote it leaves its formulas to the one that opens it."""


class Sheet:
    """Reads a sheet; the rows come with the numbers that the spreadsheet shows beside them."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._markup = Markup(self._start, self._end)
        self._kinds: dict[str, str] = {}
        self._namespace: str | None = None
        self._open = [""]
        self._has_table = False
        self._columns: dict[str, int] = {}
        self._done: list[Row] = []
        self._names: list[str] = []
        self._header_row = 0
        self._merged: list[tuple[int, int, int]] = []
        self._row, self._row_digits, self._values = 0, "0", list[str]()
        self._visibility = Visibility()
        self._hidden_columns: dict[int, bool] = {}
        self._hidden = False
        self._cells = 0
        self._column = -1
        self._attributes: Mapping[str, str] = {}
        self._text: list[str] = []
        self._length = 0
        self._has_value = self._has_formula = False
        self._spelled = 0
        self.faults = Faults()
        """Complete when all rows were read."""

    def rows(self, pieces: Iterator[bytes]) -> Iterator[Row]:
        """The non-empty rows; the first is the header, and none is shorter than it.

        Raises:
            WorkbookBroken, WorkbookTooLarge
        """
        for piece in pieces:
            self._markup.feed(piece)
            yield from self._done
            self._done.clear()
        self._markup.feed(b"", final=True)
        yield from self._done
        for first, last, column in self._merged:
            if column < len(self._names):
                self.faults.note(max(first, self._header_row + 1), last, Reason.MERGED_CELLS)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds.setdefault(name, self._kind_of(name))
        if kind in _PARENTS and self._open[-1] not in _PARENTS[kind]:
            raise WorkbookBroken
        self._open.append(kind)
        if kind == "c":
            self._begin_cell(attributes)
        elif kind in {"v", "is"}:
            self._begin_value(kind)
        elif kind == "t" and not self._spelled:
            self._markup.listen(self._add)
        elif kind == "row":
            self._begin_row(attributes)
        else:
            self._start_other(kind, attributes)

    def _kind_of(self, name: str) -> str:
        """The name of an element; empty for those of extensions and drawings, which have rows of their own."""
        if self._namespace is None:
            self._namespace = name.rpartition(" ")[0]
        return local(name) if name.rpartition(" ")[0] == self._namespace else ""

    def _start_other(self, kind: str, attributes: Mapping[str, str]) -> None:
        if kind == "sheetData":
            if self._has_table:
                raise WorkbookBroken
            self._has_table = True
        elif kind == "f":
            self._has_formula = True
        elif kind == "rPh":
            self._spelled += 1
        elif kind == "mergeCell":
            self._merge(attributes.get("ref", ""))
        elif kind == "col":
            self._visibility.take_columns(attributes)
        elif kind == "sheetFormatPr":
            self._visibility.take_defaults(attributes)

    def _end(self, _: str) -> None:
        kind = self._open.pop()
        if kind in {"v", "t"}:
            self._markup.listen(None)
        elif kind == "c":
            self._end_cell()
        elif kind == "row":
            self._end_row()
        elif kind == "rPh":
            self._spelled -= 1

    def _begin_value(self, kind: str) -> None:
        if self._has_value:
            raise WorkbookBroken
        self._has_value = True
        if kind == "v":
            self._markup.listen(self._add)

    def _add(self, text: str) -> None:
        self._length += len(text)
        if self._length > LONGEST_TEXT:
            raise WorkbookBroken
        self._text.append(text)

    def _begin_row(self, attributes: Mapping[str, str]) -> None:
        number = attributes.get("r")
        self._hidden = self._visibility.hides_row(attributes)
        if number is not None and not (number.isascii() and number.isdecimal()):
            raise WorkbookBroken
        row = self._row + 1 if number is None else int(number)
        if not self._row < row <= MOST_ROWS:
            raise WorkbookBroken
        self._row, self._row_digits, self._values, self._column = row, str(row), [], -1

    def _begin_cell(self, attributes: Mapping[str, str]) -> None:
        self._cells += 1
        if self._cells > MOST_CELLS:
            raise WorkbookTooLarge(limit_bytes=LARGEST_UNPACKED)
        place = attributes.get("r")
        # One that names another row stands there to some readers, and here to others.
        column = self._column + 1 if place is None else self._column_of(place.removesuffix(self._row_digits))
        if column <= self._column or not self._row:
            raise WorkbookBroken
        self._column, self._attributes = column, attributes
        self._text, self._length = [], 0
        self._has_value = self._has_formula = False

    def _column_of(self, letters: str) -> int:
        known = self._columns.get(letters)
        if known is None:
            known = self._columns.setdefault(letters, _column_of(letters))
        return known

    def _end_cell(self) -> None:
        raw, column = "".join(self._text), self._column
        if self._has_formula and not self._is_computed(raw):
            self.faults.note(self._row, self._row, Reason.FORMULA_WITHOUT_VALUE)
        if not raw or (column >= _WIDEST and self._values and len(self._values) > _WIDEST):
            return
        text = self._cell_text(raw, self._names[column] if column < len(self._names) else "")
        if not text.strip():
            return
        values, place = self._values, min(column, _WIDEST)
        if len(values) < place:
            values.extend([""] * (place - len(values)))
        values.append(text)
        self._hidden = self._hidden or self._hides(column)

    def _hides(self, column: int) -> bool:
        known = self._hidden_columns.get(column)
        if known is None:
            known = self._hidden_columns.setdefault(column, self._visibility.hides_column(column))
        return known

    def _is_computed(self, raw: str) -> bool:
        """Whether the value beside a formula is its result.

        Programs that do not compute write none, or an empty one, or 0 and leave the rest to whoever opens the workbook.
        Nothing but text is rightly empty.
        """
        if not raw:
            return self._has_value and self._attributes.get("t") == "str"
        return raw != "0" or not self._book.computed_on_load

    def _cell_text(self, raw: str, column: str) -> str:
        fault: Reason | Doubt | None = None
        match self._attributes.get("t", "n"):
            case "s":
                return self._book.strings[raw]
            case "n":
                style = self._style_of(self._attributes.get("s", "0"))
                text, fault = cells.number(raw, style, column, since_1904=self._book.since_1904)
            case "d":
                text, fault = cells.iso_day(raw, column)
            case "b":
                text = cells.boolean(raw)
            case "e":
                text, fault = raw, Reason.FORMULA_WITHOUT_VALUE
            case kind if kind in _TEXTS:
                return plain(raw)
            case _:
                raise WorkbookBroken
        if isinstance(fault, Doubt):
            self.faults.doubt(self._row, fault)
        elif fault and self._names:
            self.faults.note(self._row, self._row, fault)
        return text

    def _style_of(self, number: str) -> Style:
        styles = self._book.styles
        at = int(number) if number.isascii() and number.isdecimal() else 0
        return styles[at] if at < len(styles) else None

    def _end_row(self) -> None:
        values, self._values = self._values, []
        if not values:
            return
        if self._names:
            self.faults.hidden_rows += self._hidden
        elif normalised(values[0]) == COLUMNS[0] or is_table_row(values):
            self._names, self._header_row = [normalised(value) for value in values], self._row
        values.extend([""] * (len(self._names) - len(values)))
        self._done.append((self._row, values))

    def _merge(self, reference: str) -> None:
        match = _RANGE.fullmatch(reference)
        if match is None or len(self._merged) == _MOST_MERGED:
            raise WorkbookBroken
        left, top, right, bottom = match.groups()
        first, last = int(top), int(bottom)
        if not first <= last <= MOST_ROWS or _column_of(left) > _column_of(right):
            raise WorkbookBroken
        if last > self._header_row:
            self._merged.append((first, last, _column_of(left)))


def _column_of(letters: str) -> int:
    """A column's number, counted from 0."""
    if not _LETTERS.fullmatch(letters):
        raise WorkbookBroken
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    if number > _LARGEST_COLUMN:
        raise WorkbookBroken
    return number - 1
