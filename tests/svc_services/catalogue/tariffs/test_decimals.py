"""Decimal strings in and out, and the order of tiers."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kit.tariffs.decimals import scaled, written
from svc_services.catalogue.tariffs.schemas import NewTariff

places = st.integers(0, 4)


def tariff(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    usual = {
        "kind": "water",
        "customer_class": "residential",
        "unit": "m3",
        "effective_from": "2030-01-01",
        "tiers": [{"up_to": "180", "unit_price": "2.300"}, {"up_to": None, "unit_price": "4.6000"}],
        "fixed_fee_fen": 300,
    }
    return {**usual, **changes}


def accepted(limits: list[str | None]) -> bool:
    tiers = [{"up_to": limit, "unit_price": "1"} for limit in limits]
    try:
        NewTariff.model_validate(tariff(tiers=tiers))
    except ValidationError:
        return False
    return True


@given(st.integers(0, 10**12), places, st.integers(0, 2))
def test_a_written_number_reads_back_as_the_same_number(number: int, places: int, at_least: int) -> None:
    text = written(number, places, at_least=min(at_least, places))
    assert scaled(text, places) == number
    assert Decimal(text) == Decimal(number).scaleb(-places)
    assert len(text.partition(".")[2]) >= min(at_least, places)


@pytest.mark.parametrize(
    ("number", "places", "at_least", "text"),
    [(23_000, 4, 2, "2.30"), (23_455, 4, 2, "2.3455"), (0, 4, 2, "0.00"), (180_000, 3, 0, "180"), (500, 3, 0, "0.5")],
)
def test_trailing_zeros_are_not_written(number: int, places: int, at_least: int, text: str) -> None:
    assert written(number, places, at_least=at_least) == text


limits = st.lists(st.integers(1, 10**9 - 1), min_size=1, max_size=19)


@given(limits)
def test_tiers_are_accepted_exactly_when_they_rise_and_end_open(thousandths: list[int]) -> None:
    rising = all(lower < upper for lower, upper in pairwise(thousandths))
    texts: list[str | None] = [written(limit, 3) for limit in thousandths]
    assert accepted([*texts, None]) == rising
    assert not accepted(texts)
    assert not accepted([None, *texts, None])


@given(limits.map(sorted), st.data())
def test_the_same_limit_in_two_spellings_is_the_same_limit(thousandths: list[int], data: st.DataObject) -> None:
    limit = data.draw(st.sampled_from(thousandths))
    assert not accepted([written(limit, 3), f"{Decimal(limit).scaleb(-3):.3f}", None])


@pytest.mark.parametrize(
    "limit", ["0", "0.000", "-1", "+1", "1e3", "1.0000", "01", ".5", "1.", "１８０", " 180", "NaN"]
)
def test_a_limit_is_a_plain_positive_decimal(limit: str) -> None:
    assert not accepted([limit, None])


@pytest.mark.parametrize("price", ["-2.30", "2.30000", "2,30", "1e1", "", "1000000", "٢.٣", "Infinity", 2.3, 2, None])
def test_a_price_is_a_plain_decimal_string_of_at_most_four_places(price: object) -> None:
    with pytest.raises(ValidationError):
        NewTariff.model_validate(tariff(tiers=[{"up_to": None, "unit_price": price}]))


@pytest.mark.parametrize("fee", [-1, 1.5, "300", True, None, 100_000_001])
def test_a_fixed_fee_is_whole_fen(fee: object) -> None:
    with pytest.raises(ValidationError):
        NewTariff.model_validate(tariff(fixed_fee_fen=fee))


@pytest.mark.parametrize("tiers", [[], [{"up_to": None, "unit_price": "1"}] * 21, None])
def test_a_tariff_needs_at_least_one_tier(tiers: object) -> None:
    with pytest.raises(ValidationError):
        NewTariff.model_validate(tariff(tiers=tiers))
