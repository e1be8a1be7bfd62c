"""The lines of an explanation, and why each is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction

from chassis.problems import DEFAULT_LANGUAGE, Values, words
from chassis.text import nearest_tag
from kit.fields.labels import Label
from kit.tariffs.decimals import FEN_PER_YUAN, PRICE_PLACES, QUANTITY_PLACES, half_up

_FEN = Fraction(FEN_PER_YUAN, 10 ** (QUANTITY_PLACES + PRICE_PLACES))


class Why(StrEnum):
    ONE_PRICE = "one_price"
    TIER = "tier"
    LAST_TIER = "last_tier"
    ALLOWANCE = "allowance"
    HOURS = "hours"
    WHOLE_SEASON = "whole_season"
    PART_OF_SEASON = "part_of_season"
    EMPTY_HOME = "empty_home"
    COLD_DAYS = "cold_days"
    PER_BILL = "per_bill"
    PER_MONTH = "per_month"
    ONCE = "once"


@dataclass(frozen=True)
class Line:
    component: str
    name: Label
    why: Why
    first_day: date
    last_day: date
    tier: int | None
    quantity: int
    """Thousandths of the unit."""
    unit: str
    unit_price: int
    """Ten-thousandths of a yuan."""
    amount_fen: int
    """Below zero where something is taken off."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the words for the why name."""

    def reason(self, language: str) -> str:
        """Why this line is there, in words."""
        key = f"{self.why}_{self.facts['band']}" if self.why == Why.HOURS else self.why
        return words("tariff_line", "kit", language)[key].format_map(Values(self.facts, language))

    def named(self, language: str) -> str:
        """The component's name for a reader, given a BCP 47 tag."""
        names: dict[str, str] = self.name.model_dump()
        return names[nearest_tag(language, names.keys()) or DEFAULT_LANGUAGE]


@dataclass(frozen=True)
class Explanation:
    lines: Sequence[Line]

    @property
    def total_fen(self) -> int:
        return sum(line.amount_fen for line in self.lines)


def exact_fen(quantity: int, unit_price: int) -> Fraction:
    return quantity * unit_price * _FEN


def fen_of(quantity: int, unit_price: int) -> int:
    """What a quantity costs, rounded half up to whole fen."""
    return half_up(exact_fen(quantity, unit_price))
