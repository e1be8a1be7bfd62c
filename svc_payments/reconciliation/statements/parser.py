"""What the layouts share: a line as PostgreSQL's COPY takes it, values read strictly, totals counted."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from chassis.db import CHINA
from svc_payments.amounts import in_digits
from svc_payments.reconciliation.statements.models import MOVES_MONEY, LineState, Movement
from svc_payments.reconciliation.statements.refusals import (
    StatementMalformed,
    StatementOfOtherDay,
    StatementOfOtherMerchant,
    StatementTotalsDiffer,
)

_AMOUNT = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,5}))?")
_NUMBER = re.compile(r"[0-9A-Za-z_|*@.-]{1,64}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-5][0-9])?"
)
"""RFC 3339, also with a space or without an offset. Python reads week dates, bare days and +08:60 besides."""
_COUNT = re.compile(r"[0-9]{1,15}")
_MILLIFEN_DIGITS = 5
_FURTHEST_OFFSET = timedelta(hours=14)
_FIRST_YEAR, _LAST_YEAR = 2000, 2999
MILLIFEN = 1000


class Line(NamedTuple):
    """One movement; the fields of `StatementLine` without the statement."""

    row: int
    movement: Movement
    number: str
    transaction_id: str
    amount_fen: int
    fee_millifen: int
    state: LineState
    at: str
    reference: str

    @property
    def moved_fen(self) -> int:
        """The amount that sums count: that of a line which moved no money is in none."""
        return self.amount_fen if self.state in MOVES_MONEY else 0


Lines = Iterator[Line]


@dataclass(frozen=True)
class Expected:
    """What a file must be about."""

    day: date
    merchant_id: str | None = None
    """The merchant that the file must name, where the layout has it and it is known."""

    def check_day(self, text: str, row: int) -> None:
        """The line is of this day.

        Raises:
            StatementOfOtherDay
        """
        if not text.startswith(self.day.isoformat()):
            raise StatementOfOtherDay(row=row, day=self.day.isoformat())

    def check_merchant(self, merchant_id: str, row: int) -> None:
        """The line is ours.

        Raises:
            StatementOfOtherMerchant
        """
        if self.merchant_id is not None and merchant_id != self.merchant_id:
            raise StatementOfOtherMerchant(row=row)


def millifen_of(yuan: str, row: int) -> int:
    """Thousandths of a fen from yuan with up to five decimals.

    Raises:
        StatementMalformed: this is no amount.
    """
    found = _AMOUNT.fullmatch(yuan)
    if found is None:
        raise StatementMalformed(row=row)
    sign, whole, decimals = found.groups(default="")
    amount = int(whole + decimals.ljust(_MILLIFEN_DIGITS, "0"))
    return -amount if sign else amount


def fen_of(yuan: str, row: int) -> int:
    """Fen from yuan.

    Raises:
        StatementMalformed: this is no amount in whole fen.
    """
    fen, rest = divmod(millifen_of(yuan, row), MILLIFEN)
    if rest:
        raise StatementMalformed(row=row)
    return fen


def count_of(text: str, row: int) -> int:
    """A whole number that is not negative.

    Raises:
        StatementMalformed: this is none.
    """
    if not _COUNT.fullmatch(text):
        raise StatementMalformed(row=row)
    return int(text)


def moment_of(text: str, row: int) -> str:
    """A time as PostgreSQL reads it; one that does not say where is in Beijing.

    Raises:
        StatementMalformed: this is no time.
    """
    if not _MOMENT.fullmatch(text):
        raise StatementMalformed(row=row)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise StatementMalformed(row=row) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=CHINA)
    offset = moment.utcoffset()
    # No clock on earth is further from UTC; PostgreSQL refuses some of what Python takes.
    if offset is None or abs(offset) > _FURTHEST_OFFSET or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise StatementMalformed(row=row)
    return moment.isoformat()


def number_of(text: str, row: int) -> str:
    """A number of ours or theirs: nothing that COPY would take for something else.

    Raises:
        StatementMalformed: this is none.
    """
    if not _NUMBER.fullmatch(text):
        raise StatementMalformed(row=row)
    return text


def reference_of(text: str) -> str:
    """A further number of theirs, which nothing depends on: kept when it looks like one."""
    return text if _NUMBER.fullmatch(text) else ""


def columns_of(header: Sequence[str], wanted: Sequence[str], row: int) -> Mapping[str, int]:
    """Where the wanted columns are, whatever others there may be.

    Raises:
        StatementMalformed: one is missing, or stands twice, be it in another case or width.
    """
    alike = [_folded(name) for name in header]
    if any(header.count(name) != 1 or alike.count(_folded(name)) > 1 for name in wanted):
        raise StatementMalformed(row=row)
    return {name: place for place, name in enumerate(header)}


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


def expect_end(rows: Iterator[tuple[int, Sequence[str]]]) -> None:
    """Nothing but blank rows follows the totals: further rows would be in no total, and another file's.

    Raises:
        StatementMalformed
    """
    for row, values in rows:
        if any(value.strip() for value in values):
            raise StatementMalformed(row=row)


def check_totals(stated: Mapping[str, int], counted: Mapping[str, int]) -> None:
    """Hold a file's own totals against those of its lines.

    Raises:
        StatementTotalsDiffer: lines are missing, or were changed.
    """
    for name, value in stated.items():
        if counted[name] != value:
            read = {"stated_text": _as_read(name, value), "counted_text": _as_read(name, counted[name])}
            item = name.rpartition("_")[0] or name
            raise StatementTotalsDiffer(total=name, stated=value, counted=counted[name], item=item, **read)


def _as_read(total: str, value: int) -> str:
    """A count as it is, an amount in yuan; thousandths of a fen with all their decimals, else two could look equal."""
    if total.endswith("_millifen"):
        return f"¥{Decimal(value).scaleb(-5):,}"
    return in_digits(value) if total.endswith("_fen") else str(value)
