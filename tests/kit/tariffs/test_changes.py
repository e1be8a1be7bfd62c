"""Tariffs that change within a period, and periods that cross New Year."""

import pytest

from kit.tariffs.engine import NoTariffThen
from kit.tariffs.usage import UsageMissing
from tests.kit.tariffs import examples
from tests.kit.tariffs.examples import amounts, explained, one_price, rules, tier

OLD, NEW = rules(one_price("base", "m3", "1.00")), rules(one_price("base", "m3", "2.00"))
OVER_NEW_YEAR = {"first_day": "2025-12-17", "last_day": "2026-01-15"}


def test_a_change_of_price_is_split_by_days() -> None:
    found = explained(OLD, ("2026-01-11", NEW), quantities={"m3": "31"})
    assert amounts(found) == [("base", 1, 10_000, 1000), ("base", 1, 21_000, 4200)]
    assert [(str(line.first_day), str(line.last_day)) for line in found.lines] == [
        ("2026-01-01", "2026-01-10"),
        ("2026-01-11", "2026-01-31"),
    ]


def test_a_change_of_price_is_split_by_the_reading_of_that_day() -> None:
    by_reading = ("2026-01-11", NEW | {"change": "by_reading"})
    read = [{"day": "2026-01-11", "used": {"m3": "25"}}]
    found = explained(OLD, by_reading, quantities={"m3": "31"}, readings=read)
    assert amounts(found) == [("base", 1, 25_000, 2500), ("base", 1, 6_000, 1200)]
    with pytest.raises(UsageMissing) as refused:
        explained(OLD, by_reading, quantities={"m3": "31"})
    assert refused.value.values == {"missing": "readings: m3, 2026-01-11"}


def test_tiers_are_counted_on_over_a_change_of_price() -> None:
    old, new = (
        rules(examples.by_usage("base", "m3", tier("10", first), tier(None, "9.00"))) for first in ("1.00", "2.00")
    )
    found = explained(old, ("2026-01-11", new), quantities={"m3": "15.5"})
    assert amounts(found) == [("base", 1, 5_000, 500), ("base", 1, 5_000, 1000), ("base", 2, 5_500, 4950)]


def test_tiers_of_a_year_begin_anew_on_the_first_of_january() -> None:
    found = explained(
        examples.rules(examples.TIERED), quantities={"m3": "30"}, used_before={"m3": "175"}, **OVER_NEW_YEAR
    )
    assert amounts(found) == [("base", 1, 5_000, 800), ("base", 2, 10_000, 2400), ("base", 1, 15_000, 2400)]


def test_a_reading_at_new_year_says_what_belongs_to_which_year() -> None:
    read = [{"day": "2026-01-01", "used": {"m3": "29"}}]
    found = explained(examples.rules(examples.TIERED), quantities={"m3": "30"}, readings=read, **OVER_NEW_YEAR)
    assert [line.quantity for line in found.lines] == [29_000, 1_000]


def test_tiers_of_a_billing_period_do_not_notice_new_year() -> None:
    monthly = rules(examples.by_usage("base", "m3", tier("20", "1.00"), tier(None, "2.00"), cycle="period"))
    assert amounts(explained(monthly, quantities={"m3": "30"}, **OVER_NEW_YEAR)) == [
        ("base", 1, 20_000, 2000),
        ("base", 2, 10_000, 2000),
    ]


def test_an_allowance_begins_anew_with_its_season() -> None:
    period = {"first_day": "2026-04-06", "last_day": "2026-10-24", "quantities": {"m3": "202"}}
    found = explained(examples.GAS, allowance_used_before={"m3": "895"}, **period)
    assert [(line.tier, line.quantity) for line in found.lines] == [(None, 15_000), (1, 187_000)]


def test_a_period_before_the_first_tariff_is_refused() -> None:
    with pytest.raises(NoTariffThen) as refused:
        explained(("2026-01-02", OLD), quantities={"m3": "1"})
    assert refused.value.values == {"first_day": "2026-01-01"}


def test_a_monthly_fee_is_whole_for_a_month_from_any_day() -> None:
    monthly = rules(examples.fixed("plan", 9900, "month"))
    for first_day, last_day, fen in (
        ("2026-01-15", "2026-02-14", 9900),
        ("2026-01-31", "2026-02-27", 9900),
        ("2026-01-01", "2026-03-31", 29_700),
        ("2026-02-01", "2026-02-14", 4950),
    ):
        assert explained(monthly, first_day=first_day, last_day=last_day).total_fen == fen
