"""What the layouts share: a line as PostgreSQL's COPY takes it, what a file must be about, totals counted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from svc_payments.amounts import in_digits
from svc_payments.reconciliation.statements.models import MOVES_MONEY, LineState, Movement
from svc_payments.reconciliation.statements.refusals import (
    StatementOfOtherDay,
    StatementOfOtherMerchant,
    StatementTotalsDiffer,
)


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
