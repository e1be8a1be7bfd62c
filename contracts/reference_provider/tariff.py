"""Tariffs with tiers, and the cost of a usage: Decimal for prices, whole fen for money, never a float."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple


class Tier(NamedTuple):
    up_to: Decimal | None
    """The last unit of usage in this tier; None: no upper limit."""
    unit_price: Decimal
    """Yuan per unit."""


class TierLine(NamedTuple):
    quantity: Decimal
    unit_price: Decimal
    amount_fen: int


@dataclass(frozen=True)
class Tariff:
    kind: str
    unit: str
    tiers: Sequence[Tier]
    fixed_fee_fen: int = 0
    customer_class: str = "residential"

    def lines(self, usage: Decimal) -> list[TierLine]:
        """The lines of a bill for the resident: each tier is rounded to whole fen separately."""
        lines, begun = [], Decimal(0)
        for tier in self.tiers:
            quantity = (usage if tier.up_to is None else min(usage, tier.up_to)) - begun
            if quantity <= 0:
                break
            fen = (quantity * tier.unit_price * 100).to_integral_value(ROUND_HALF_UP)
            lines.append(TierLine(quantity, tier.unit_price, int(fen)))
            begun += quantity
        return lines

    def amount_fen(self, usage: Decimal) -> int:
        return sum(line.amount_fen for line in self.lines(usage)) + self.fixed_fee_fen

    def as_json(self, effective_from: date) -> dict[str, Any]:
        """The body that publishes this tariff."""
        return {
            "kind": self.kind,
            "customer_class": self.customer_class,
            "unit": self.unit,
            "effective_from": effective_from.isoformat(),
            "tiers": [
                {"up_to": None if tier.up_to is None else str(tier.up_to), "unit_price": str(tier.unit_price)}
                for tier in self.tiers
            ],
            "fixed_fee_fen": self.fixed_fee_fen,
        }


def _tiers(*pairs: tuple[str | None, str]) -> list[Tier]:
    return [Tier(None if up_to is None else Decimal(up_to), Decimal(price)) for up_to, price in pairs]


# Invented prices of the usual shapes.
SAMPLES = {
    tariff.kind: tariff
    for tariff in (
        Tariff("water", "m3", _tiers(("15", "2.300"), ("25", "3.455"), (None, "6.905")), fixed_fee_fen=300),
        Tariff("electricity", "kWh", _tiers(("210", "0.3905"), ("400", "0.4405"), (None, "0.6905"))),
        Tariff("gas", "m3", _tiers(("40", "1.370"), ("70", "1.645"), (None, "2.055"))),
        Tariff("heating", "m2", _tiers((None, "3.665")), fixed_fee_fen=500),
    )
}
