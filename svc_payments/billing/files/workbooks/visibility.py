"""Which rows and columns a sheet hides: by hand, by a filter, by an outline or by a size of zero."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from svc_payments.billing.files.refusals import WorkbookBroken

TRUE = {"1", "true"}
_MOST_SPANS = 16_384


class Visibility:
    """What a sheet says of itself before its rows.

    `zeroHeight` hides the rows that the file does not have: programs write a row that is shown without any height
    below it, and one that a filter hides with `hidden`.
    """

    def __init__(self) -> None:
        self._row_is_hidden = self._column_is_hidden = False
        self._spans: list[tuple[int, int, bool]] = []

    def take_defaults(self, attributes: Mapping[str, str]) -> None:
        """The element sheetFormatPr."""
        self._row_is_hidden = _is_zero(attributes.get("defaultRowHeight"))
        self._column_is_hidden = _is_zero(attributes.get("defaultColWidth"))

    def take_columns(self, attributes: Mapping[str, str]) -> None:
        """An element col.

        Raises:
            WorkbookBroken
        """
        first, last = attributes.get("min", ""), attributes.get("max", "")
        if not all(each.isascii() and each.isdecimal() for each in (first, last)) or len(self._spans) == _MOST_SPANS:
            raise WorkbookBroken
        self._spans.append((int(first) - 1, int(last), _hides(attributes, "width", default=self._column_is_hidden)))

    def hides_row(self, attributes: Mapping[str, str]) -> bool:
        return _hides(attributes, "ht", default=self._row_is_hidden)

    def hides_column(self, column: int) -> bool:
        """Whether a column, counted from 0, is hidden."""
        return next((hidden for first, end, hidden in self._spans if first <= column < end), self._column_is_hidden)


def _hides(attributes: Mapping[str, str], size: str, *, default: bool) -> bool:
    return attributes.get("hidden") in TRUE or (_is_zero(attributes[size]) if size in attributes else default)


@lru_cache(maxsize=1_024)
def _is_zero(size: str | None) -> bool:
    try:
        return size is not None and Decimal(size) == 0
    except InvalidOperation:
        return False
