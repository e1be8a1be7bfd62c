"""What a usage costs."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.reference_provider.tariff import SAMPLES, Tariff, Tier

TIERED = Tariff(
    kind="water",
    unit="m3",
    tiers=[
        Tier(Decimal(15), Decimal("2.300")),
        Tier(Decimal(25), Decimal("3.4550")),
        Tier(None, Decimal("6.905")),
    ],
    fixed_fee_fen=300,
)


@pytest.mark.parametrize(
    ("usage", "fen"),
    [
        ("0", 300),
        ("0.001", 300),
        ("15", 3450 + 300),
        ("15.1", 3450 + 35 + 300),  # 0.1 x 3.455 = 0.3455 yuan
        ("25", 3450 + 3455 + 300),
        ("26", 3450 + 3455 + 691 + 300),  # 6.905 yuan: half a fen goes up
        ("1000000", 3450 + 3455 + 690_482_738 + 300),
    ],
)
def test_each_tier_is_charged_at_its_price_and_rounded_by_itself(usage: str, fen: int) -> None:
    assert TIERED.amount_fen(Decimal(usage)) == fen


def test_a_bill_is_explained_tier_by_tier() -> None:
    assert TIERED.lines(Decimal("26.5")) == [
        (Decimal(15), Decimal("2.300"), 3450),
        (Decimal(10), Decimal("3.4550"), 3455),
        (Decimal("1.5"), Decimal("6.905"), 1036),  # 10.3575 yuan
    ]
    assert TIERED.lines(Decimal(15)) == [(Decimal(15), Decimal("2.300"), 3450)]


@given(st.sampled_from(sorted(SAMPLES)), st.integers(0, 10_000_000))
def test_the_amount_is_within_half_a_fen_a_tier_of_the_exact_one(kind: str, thousandths: int) -> None:
    tariff, usage = SAMPLES[kind], Fraction(thousandths, 1000)
    exact, begun = Fraction(tariff.fixed_fee_fen), Fraction(0)
    for tier in tariff.tiers:
        end = usage if tier.up_to is None else min(usage, Fraction(tier.up_to))
        end = max(end, begun)
        exact += (end - begun) * Fraction(tier.unit_price) * 100
        begun = end
    lines = tariff.lines(Decimal(thousandths) / 1000)
    assert sum(line.quantity for line in lines) == Decimal(thousandths) / 1000
    assert abs(tariff.amount_fen(Decimal(thousandths) / 1000) - exact) <= Fraction(len(lines), 2)


def test_the_published_form_keeps_prices_as_they_are_written() -> None:
    assert TIERED.as_json(date(2025, 1, 1)) == {
        "kind": "water",
        "customer_class": "residential",
        "unit": "m3",
        "effective_from": "2025-01-01",
        "tiers": [
            {"up_to": "15", "unit_price": "2.300"},
            {"up_to": "25", "unit_price": "3.4550"},
            {"up_to": None, "unit_price": "6.905"},
        ],
        "fixed_fee_fen": 300,
    }
