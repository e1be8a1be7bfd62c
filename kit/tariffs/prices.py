"""The prices of a tariff by where they stand, to compare one version with another."""

from collections.abc import Iterator

from kit.tariffs.decimals import FEN_PER_YUAN, PRICE_PLACES
from kit.tariffs.rules import AreaComponent, Component, FixedComponent, HoursComponent, TariffRules, UsageComponent


def prices_of(rules: TariffRules) -> dict[str, int]:
    """Ten-thousandths of a yuan, by the component's code and the place in it."""
    return {f"{each.code}/{place}": price for each in rules.components for place, price in _prices(each)}


def _prices(component: Component) -> Iterator[tuple[str, int]]:
    match component:
        case UsageComponent():
            yield from ((f"tiers/{number}", tier.unit_price) for number, tier in enumerate(component.tiers, 1))
            if component.allowance:
                yield "allowance", component.allowance.unit_price
        case HoursComponent():
            yield from ((f"bands/{each.band}", each.unit_price) for each in component.bands)
        case AreaComponent():
            yield "unit_price", component.unit_price
        case FixedComponent():
            yield "amount", component.amount_fen * 10**PRICE_PLACES // FEN_PER_YUAN


def measures_of(rules: TariffRules) -> set[str]:
    """What is measured of a usage to apply the tariff."""
    measured = {each.measure for each in rules.components if isinstance(each, UsageComponent | HoursComponent)}
    return measured | {"m2" for each in rules.components if isinstance(each, AreaComponent)}
