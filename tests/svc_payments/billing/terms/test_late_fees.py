"""Late fees: whole fen by the provider's rule, never falling, never above the cap."""

from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svc_payments.billing.terms.late_fees import late_fee, owed_of
from svc_payments.billing.terms.terms import LateFee, Rounding

DUE = date(2026, 3, 10)
FEN = st.integers(1, 100_000_000)
DAYS = st.integers(-40, 2_000)
RULES = st.builds(
    LateFee,
    daily_ten_thousandths=st.integers(1, 100),
    grace_days=st.integers(0, 365),
    most_basis_points=st.integers(1, 10_000),
    rounding=st.sampled_from(Rounding),
)
MODES = {Rounding.HALF_UP: ROUND_HALF_UP, Rounding.DOWN: ROUND_DOWN, Rounding.UP: ROUND_UP}


def fee(rule: LateFee | None, fen: int, days: int) -> int:
    return late_fee(rule, fen, DUE, DUE + timedelta(days=days))


@given(RULES, FEN, DAYS)
def test_the_fee_is_the_daily_rate_times_the_late_days_rounded_once_and_capped(
    rule: LateFee, fen: int, days: int
) -> None:
    late = max(0, days - rule.grace_days)
    exact = Decimal(fen) * rule.daily_ten_thousandths / 10_000 * late
    cap = (Decimal(fen) * rule.most_basis_points / 10_000).to_integral_value(ROUND_DOWN)
    assert fee(rule, fen, days) == min(exact.to_integral_value(MODES[Rounding(rule.rounding)]), cap)


@given(RULES, FEN, DAYS, st.integers(0, 400))
def test_the_fee_never_falls_with_time(rule: LateFee, fen: int, days: int, more: int) -> None:
    assert fee(rule, fen, days) <= fee(rule, fen, days + more)


@given(RULES, FEN, DAYS, st.integers(0, 1_000_000))
def test_the_fee_never_falls_with_a_larger_amount(rule: LateFee, fen: int, days: int, more: int) -> None:
    assert fee(rule, fen, days) <= fee(rule, fen + more, days)


@given(RULES, FEN, DAYS)
def test_the_fee_is_between_zero_and_the_cap(rule: LateFee, fen: int, days: int) -> None:
    assert 0 <= fee(rule, fen, days) * 10_000 <= fen * rule.most_basis_points


@given(RULES, FEN, DAYS)
def test_a_partial_payment_covers_principal_and_at_most_its_fee(rule: LateFee, fen: int, days: int) -> None:
    day = DUE + timedelta(days=days)
    owed = owed_of(rule, fen, DUE, day)
    charged = fen - owed
    assert 1 <= owed <= fen
    # At most one fen below the fee that the rule gives.
    assert fee(rule, owed, days) - 1 <= charged <= fee(rule, owed, days)


@given(RULES, FEN, DAYS)
def test_paying_the_principal_with_its_fee_settles_the_bill(rule: LateFee, fen: int, days: int) -> None:
    whole = fen + fee(rule, fen, days)
    assert owed_of(rule, whole, DUE, DUE + timedelta(days=days)) == fen


@pytest.mark.parametrize(
    ("rounding", "fen", "days", "expected"),
    [
        (Rounding.HALF_UP, 10_000, 1, 5),  # 100.00 yuan at 0.05 % a day
        (Rounding.HALF_UP, 9_000, 1, 5),  # 4.5 fen
        (Rounding.HALF_UP, 8_999, 1, 4),
        (Rounding.DOWN, 9_999, 1, 4),
        (Rounding.UP, 8_001, 1, 5),
        (Rounding.HALF_UP, 10_000, 0, 0),  # no fee on the due date
        (Rounding.UP, 1, 1, 0),  # the cap of half a fen holds against rounding up
    ],
)
def test_examples(rounding: Rounding, fen: int, days: int, expected: int) -> None:
    rule = LateFee(daily_ten_thousandths=5, most_basis_points=5_000, rounding=rounding)
    assert fee(rule, fen, days) == expected


def test_without_a_rule_nothing_is_charged() -> None:
    assert fee(None, 10_000, 400) == 0
    assert owed_of(None, 10_000, DUE, DUE + timedelta(days=400)) == 10_000
