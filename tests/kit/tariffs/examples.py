"""Tariffs as they are in force in cities of the region, as JSON that providers send; and what was used."""

from datetime import date
from typing import Any

from kit.tariffs.engine import Version, explain
from kit.tariffs.lines import Explanation
from kit.tariffs.rules import TariffRules
from kit.tariffs.usage import Usage

JANUARY = {"first_day": "2026-01-01", "last_day": "2026-01-31"}
WINTER = {"from_day": "10-15", "until_day": "04-15"}


def named(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en, "kk": "باعا", "ug": "باھا"}


def tier(up_to: str | None, unit_price: str, per_extra_person: str = "0") -> dict[str, Any]:
    return {"up_to": up_to, "unit_price": unit_price, "per_extra_person": per_extra_person}


def by_usage(code: str, measure: str, *tiers: dict[str, Any], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    usual = {"type": "usage", "code": code, "name": named("基本水价", "Base price"), "measure": measure}
    return {**usual, "cycle": "year", "tiers": list(tiers), **changes}


def one_price(code: str, measure: str, unit_price: str) -> dict[str, Any]:
    return by_usage(code, measure, tier(None, unit_price), cycle="period")


def rules(*components: dict[str, Any], change: str = "by_day") -> dict[str, Any]:
    return {"components": list(components), "change": change}


def fixed(code: str, amount_fen: int, per: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    name = named("月租费", "Monthly fee")
    return {"type": "fixed", "code": code, "name": name, "amount_fen": amount_fen, "per": per, **changes}


def area(unit_price: str = "22.00", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    usual = {"type": "area", "code": "heat_by_area", "name": named("采暖费", "Heating"), "season": WINTER}
    return {**usual, "unit_price": unit_price, **changes}


REBATES = [
    {"degrees_below": "0.001", "percent": 20},
    {"degrees_below": "2", "percent": 50},
    {"degrees_below": "4", "percent": 100},
]
TIERED = by_usage("base", "m3", tier("180", "1.60", "45"), tier("300", "2.40", "75"), tier(None, "4.80"))
WATER = rules(TIERED, one_price("sewage", "m3", "0.95"), one_price("resource", "m3", "0.15"))
BANDS = {
    "type": "hours",
    "code": "hours",
    "name": named("分时电价", "By hours"),
    "measure": "kWh",
    "bands": [
        {"band": "peak", "unit_price": "0.5600"},
        {"band": "flat", "unit_price": "0.3900"},
        {"band": "valley", "unit_price": "0.2200"},
    ],
}
ABOVE = by_usage("above", "kWh", tier("2760", "0"), tier("4800", "0.05"), tier(None, "0.30"))
ELECTRICITY = rules(BANDS, ABOVE)
COMBINED_METER = rules(one_price("base", "kWh", "0.4050"))
ALLOWANCE = {"season": WINTER, "quantity": "900", "unit_price": "1.37"}
GAS = rules(by_usage("gas", "m3", tier("300", "1.37"), tier("480", "1.64"), tier(None, "2.06"), allowance=ALLOWANCE))
HEATING_BY_AREA = rules(area(empty_home_percent=50, rebates=REBATES))
HEATING_BY_METER = rules(area("6.60"), one_price("heat", "GJ", "30.0000"))
TELECOM = rules(
    fixed("plan", 9900, "month"),
    fixed("cards", 1000, "month", counted="secondary_card", included=1),
    by_usage("data", "GB", tier("30", "0"), tier(None, "5.00"), cycle="period"),
)
CABLE_TV = rules(
    fixed("tv", 2400, "month"),
    fixed("boxes", 800, "month", counted="secondary_box"),
    fixed("installation", 20000, "once"),
)


def explained(*versions: dict[str, Any] | tuple[str, dict[str, Any]], **usage: Any) -> Explanation:  # noqa: ANN401
    """What tariffs make of a usage: one that has long been in force, and later ones with the day of each."""
    dated = [each if isinstance(each, tuple) else ("2020-01-01", each) for each in versions]
    known = [Version(date.fromisoformat(day), TariffRules.model_validate(each)) for day, each in dated]
    return explain(known, Usage.model_validate(JANUARY | usage))


def amounts(explanation: Explanation) -> list[tuple[str, int | None, int, int]]:
    """Of each line the component, the tier, the quantity in thousandths and the amount in fen."""
    return [(line.component, line.tier, line.quantity, line.amount_fen) for line in explanation.lines]
