"""Usage of earlier periods counts for the tiers of a year and the allowance of a season."""

from datetime import date
from typing import Any

from kit.tariffs.earlier import counted_from, with_earlier
from kit.tariffs.rules import TariffRules
from kit.tariffs.usage import Usage
from tests.kit.tariffs import examples
from tests.kit.tariffs.examples import amounts, by_usage, explained, rules, tier


def used(first_day: str, last_day: str, quantity: str, measure: str = "m3", **more: Any) -> Usage:  # noqa: ANN401 - JSON
    stated = {"first_day": first_day, "last_day": last_day, "quantities": {measure: quantity}, **more}
    return Usage.model_validate(stated)


def before(tariff: dict[str, Any], usage: Usage, *earlier: Usage) -> tuple[int, int]:
    found = with_earlier(usage, TariffRules.model_validate(tariff).components, earlier)
    return found.used_before["m3"], found.allowance_used_before["m3"]


def test_usage_of_the_year_counts_and_that_of_the_year_before_does_not() -> None:
    march = used("2026-03-01", "2026-03-31", "1")
    over_new_year = used("2025-12-22", "2026-01-10", "20")
    assert before(examples.WATER, march, used("2026-02-01", "2026-02-28", "5"), over_new_year) == (15_000, 0)


def test_what_the_allowance_covered_is_in_no_tier() -> None:
    march = used("2026-03-01", "2026-03-31", "1")
    winter = used("2025-10-15", "2025-12-31", "800"), used("2026-01-01", "2026-02-28", "300")
    assert before(examples.GAS, march, *winter) == (200_000, 900_000)
    november = used("2026-11-01", "2026-11-30", "1")
    assert before(examples.GAS, november, *winter) == (200_000, 0)


def test_what_the_usage_states_itself_stays() -> None:
    march = used("2026-03-01", "2026-03-31", "1", used_before={"m3": "7"})
    assert before(examples.WATER, march, used("2026-02-01", "2026-02-28", "5"))[0] == 7_000


def test_it_counts_from_the_year_or_from_the_season() -> None:
    gas, combined = (TariffRules.model_validate(each).components for each in (examples.GAS, examples.COMBINED_METER))
    assert counted_from(gas, date(2026, 3, 1)) == date(2025, 10, 15)
    assert counted_from(gas, date(2026, 7, 1)) == date(2026, 1, 1)
    assert counted_from(combined, date(2026, 3, 1)) is None


def test_bills_one_after_the_other_come_to_the_bill_of_the_whole() -> None:
    months = [used(f"2026-0{month}-01", f"2026-0{month}-28", "150") for month in range(1, 5)]
    parts = dict.fromkeys((1, 2, 3), 0)
    for number, month in enumerate(months):
        tariff = TariffRules.model_validate(rules(examples.TIERED))
        whole = with_earlier(month, tariff.components, months[:number]).model_dump(mode="json")
        for _, of_tier, quantity, _ in amounts(explained(rules(examples.TIERED), **whole)):
            parts[of_tier or 0] += quantity
    assert parts == {1: 180_000, 2: 120_000, 3: 300_000}


def test_tiers_of_a_period_begin_with_it_whatever_was_used_before() -> None:
    data = rules(by_usage("data", "GB", tier("30", "0"), tier(None, "5.00"), cycle="period"))
    found = explained(data, quantities={"GB": "32"}, used_before={"GB": "500"})
    assert amounts(found) == [("data", 1, 30_000, 0), ("data", 2, 2_000, 1_000)]
