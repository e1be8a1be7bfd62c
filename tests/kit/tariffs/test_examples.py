"""Each kind of tariff of the six utilities, computed by hand."""

from datetime import date, timedelta

import pytest

from kit.tariffs.lines import Why
from kit.tariffs.usage import UsageMissing
from kit.tariffs.usage_lines import UsageContradictory
from tests.kit.tariffs import examples
from tests.kit.tariffs.examples import amounts, explained

SEASON = {"first_day": "2025-10-15", "last_day": "2026-04-15", "area": "100"}


def test_water_has_annual_tiers_and_fees_beside_the_base_price() -> None:
    found = explained(examples.WATER, quantities={"m3": "20"}, used_before={"m3": "170.5"})
    assert amounts(found) == [
        ("base", 1, 9_500, 1520),
        ("base", 2, 10_500, 2520),
        ("sewage", 1, 20_000, 1900),
        ("resource", 1, 20_000, 300),
    ]
    assert found.total_fen == 6240


@pytest.mark.parametrize(
    ("persons", "quantities"),
    [(None, [180_000, 70_000]), (4, [180_000, 70_000]), (5, [225_000, 25_000]), (6, [250_000])],
)
def test_limits_rise_with_each_person_above_four(persons: int | None, quantities: list[int]) -> None:
    found = explained(examples.rules(examples.TIERED), quantities={"m3": "250"}, persons=persons)
    assert [line.quantity for line in found.lines] == quantities


def test_electricity_is_priced_by_hours_and_dearer_above_the_limits_of_the_year() -> None:
    hours = {"peak": "100", "flat": "80", "valley": "60"}
    found = explained(examples.ELECTRICITY, quantities=hours, used_before={"kWh": "2700"})
    assert amounts(found) == [
        ("hours", None, 100_000, 5600),
        ("hours", None, 80_000, 3120),
        ("hours", None, 60_000, 1320),
        ("above", 1, 60_000, 0),
        ("above", 2, 180_000, 900),
    ]


def test_hours_that_do_not_add_up_or_lack_a_band_are_refused() -> None:
    hours = {"peak": "100", "flat": "80", "valley": "60"}
    with pytest.raises(UsageContradictory) as refused:
        explained(examples.ELECTRICITY, quantities=hours | {"kWh": "300"})
    assert refused.value.values == {"measure": "kWh", "total": "240"}
    with pytest.raises(UsageMissing) as missing:
        explained(examples.ELECTRICITY, quantities={"peak": "1", "flat": "1"})
    assert missing.value.values == {"missing": "quantities.valley"}


def test_a_combined_meter_has_one_price() -> None:
    found = explained(examples.COMBINED_METER, quantities={"kWh": "6000"})
    assert (amounts(found), found.lines[0].why) == ([("base", 1, 6_000_000, 243_000)], Why.ONE_PRICE)


def test_gas_for_heating_has_an_allowance_that_leaves_the_tiers_alone() -> None:
    before = {"used_before": {"m3": "290"}, "allowance_used_before": {"m3": "850"}}
    found = explained(examples.GAS, quantities={"m3": "80"}, **before)
    assert amounts(found) == [("gas", None, 50_000, 6850), ("gas", 1, 10_000, 1370), ("gas", 2, 20_000, 3280)]
    july = {"first_day": "2026-07-01", "last_day": "2026-07-31"}
    assert [line.tier for line in explained(examples.GAS, quantities={"m3": "20"}, **before, **july).lines] == [1, 2]


def test_heating_costs_its_price_for_the_season_and_its_share_for_a_part() -> None:
    whole = explained(examples.HEATING_BY_AREA, **SEASON)
    assert (whole.total_fen, whole.lines[0].why) == (220_000, Why.WHOLE_SEASON)
    january = explained(examples.HEATING_BY_AREA, area="100")
    assert (january.total_fen, january.lines[0].facts) == (37_268, {"days": "31", "of_days": "183"})
    july = {"first_day": "2026-07-01", "last_day": "2026-07-31"}
    assert explained(examples.HEATING_BY_AREA, area="100", **july).lines == ()


def test_an_empty_home_pays_half() -> None:
    found = explained(examples.HEATING_BY_AREA, **SEASON, empty_home=True)
    assert [(line.why, line.amount_fen) for line in found.lines][1:] == [(Why.EMPTY_HOME, -110_000)]


def test_cold_days_are_given_back_by_how_cold_they_were() -> None:
    days = [("2026-01-01", "1.5"), ("2026-01-02", "2"), ("2026-01-03", "3.9"), ("2026-01-04", "6")]
    cold = [{"day": day, "degrees_below": degrees} for day, degrees in days]
    found = explained(examples.HEATING_BY_AREA, **SEASON, cold_days=cold)
    # A day of 100 m2 costs 220000 / 183 fen: 20 % of one, 50 % of two, 100 % of one.
    assert [line.amount_fen for line in found.lines] == [220_000, -240, -1202, -1202]


def test_what_is_taken_off_never_adds_up_to_more_nor_less_than_the_whole() -> None:
    cold = [{"day": f"{date(2025, 10, 15) + timedelta(days=each)}", "degrees_below": "6"} for each in range(183)]
    for area, empty_home in (("100", False), ("1.677", True), ("0.05", True), ("16.767", True)):
        season = {**SEASON, "area": area, "empty_home": empty_home}
        assert explained(examples.HEATING_BY_AREA, **season, cold_days=cold).total_fen == 0
    steps = [{"degrees_below": "1", "percent": 98}, {"degrees_below": "5", "percent": 100}]
    tiny = examples.rules(examples.area(rebates=steps))
    two = [{"day": "2025-10-15", "degrees_below": "1"}, *cold[1:]]
    assert explained(tiny, **{**SEASON, "area": "0.05"}, cold_days=two).total_fen >= 0


def test_heating_by_meter_has_a_part_by_area_and_a_part_by_heat() -> None:
    assert explained(examples.HEATING_BY_METER, **SEASON, quantities={"GJ": "25.5"}).total_fen == 66_000 + 76_500


def test_a_phone_plan_has_secondary_cards_and_data_beyond_the_bundle() -> None:
    found = explained(examples.TELECOM, quantities={"GB": "32.5"}, counts={"secondary_card": 3})
    assert amounts(found) == [
        ("plan", None, 1000, 9900),
        ("cards", None, 2000, 2000),
        ("data", 1, 30_000, 0),
        ("data", 2, 2_500, 1250),
    ]


def test_an_amount_that_is_charged_once_is_in_the_first_bill_alone() -> None:
    first, later = (explained(examples.CABLE_TV, counts={"secondary_box": 1}, first_bill=due) for due in (True, False))
    assert (first.total_fen, later.total_fen) == (2400 + 800 + 20_000, 2400 + 800)


@pytest.mark.parametrize(
    ("tariff", "missing"),
    [
        (examples.WATER, "quantities.m3"),
        (examples.HEATING_BY_AREA, "area"),
        (examples.CABLE_TV, "counts.secondary_box"),
    ],
    ids=("quantity", "area", "count"),
)
def test_what_the_tariff_needs_is_named(tariff: dict[str, object], missing: str) -> None:
    with pytest.raises(UsageMissing) as refused:
        explained(tariff)
    assert refused.value.values == {"missing": missing}
