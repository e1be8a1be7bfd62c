"""The values of one line of a statement, read strictly; what cannot be read is refused with its line and column."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.db import CHINA
from svc_payments.reconciliation.statements.refusals import Fault, StatementMalformed

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


@dataclass(frozen=True)
class Record:
    """The values of a line under the names of their columns. Its methods raise StatementMalformed."""

    row: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def refusal(self, reason: Fault, column: str | None = None) -> StatementMalformed:
        return StatementMalformed(reason, self.row, column)

    def millifen(self, column: str) -> int:
        """Thousandths of a fen from yuan with up to five decimals."""
        found = _AMOUNT.fullmatch(self[column])
        if found is None:
            raise self.refusal(Fault.AMOUNT, column)
        sign, whole, decimals = found.groups(default="")
        amount = int(whole + decimals.ljust(_MILLIFEN_DIGITS, "0"))
        return -amount if sign else amount

    def fen(self, column: str) -> int:
        """Fen from yuan in whole fen."""
        fen, rest = divmod(self.millifen(column), MILLIFEN)
        if rest:
            raise self.refusal(Fault.AMOUNT, column)
        return fen

    def count(self, column: str) -> int:
        """A whole number that is not negative."""
        if not _COUNT.fullmatch(self[column]):
            raise self.refusal(Fault.COUNT, column)
        return int(self[column])

    def moment(self, column: str) -> str:
        """A time as PostgreSQL reads it; one that does not say where is in Beijing."""
        try:
            moment = datetime.fromisoformat(self[column]) if _MOMENT.fullmatch(self[column]) else None
        except ValueError:
            moment = None
        if moment is None:
            raise self.refusal(Fault.TIME, column)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=CHINA)
        offset = moment.utcoffset()
        # No clock on earth is further from UTC; PostgreSQL refuses some of what Python takes.
        if offset is None or abs(offset) > _FURTHEST_OFFSET or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            raise self.refusal(Fault.TIME, column)
        return moment.isoformat()

    def number(self, column: str) -> str:
        """A number of ours or theirs: nothing that COPY would take for something else."""
        if not _NUMBER.fullmatch(self[column]):
            raise self.refusal(Fault.NUMBER, column)
        return self[column]

    def reference(self, column: str) -> str:
        """A further number of theirs, which nothing depends on: kept when it looks like one."""
        return self[column] if _NUMBER.fullmatch(self[column]) else ""


def record_of(row: int, names: Sequence[str], values: Sequence[str]) -> Record:
    """A line with as many values as there are columns.

    Raises:
        StatementMalformed: it has fewer or more.
    """
    if len(values) < len(names):
        raise StatementMalformed(Fault.VALUE_MISSING, row, names[len(values)])
    if len(values) > len(names):
        raise StatementMalformed(Fault.VALUE_BEYOND, row, str(len(names) + 1))
    return Record(row, dict(zip(names, values, strict=True)))


def check_header(header: Sequence[str], wanted: Sequence[str], row: int) -> None:
    """The wanted columns stand in a header, whatever others there may be.

    Raises:
        StatementMalformed: one is missing, or stands twice, be it in another case or width.
    """
    alike = [folded(name) for name in header]
    for name in wanted:
        if name not in header:
            raise StatementMalformed(Fault.COLUMN_MISSING, row, name)
        if alike.count(folded(name)) > 1:
            raise StatementMalformed(Fault.COLUMN_TWICE, row, name)


def folded(name: str) -> str:
    """A name as people see it, without regard to case and width."""
    visible = "".join(each for each in name if unicodedata.category(each) != "Cf")
    return unicodedata.normalize("NFKC", visible).strip().casefold()


def expect_end(rows: Iterator[tuple[int, Sequence[str]]]) -> None:
    """Nothing but blank rows follows the totals: further rows would be in no total, and another file's.

    Raises:
        StatementMalformed
    """
    for row, values in rows:
        if any(value.strip() for value in values):
            raise StatementMalformed(Fault.AFTER_TOTALS, row)
