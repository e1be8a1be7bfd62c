"""What holds for every tariff and every usage."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kit.tariffs.decimals import half_up, price_text, quantity_text
from tests.kit.tariffs import examples
from tests.kit.tariffs.examples import by_usage, explained, one_price, rules, tier

thousandths = st.integers(0, 2_000_000)
prices = st.integers(0, 100_000)
days = st.integers(0, 399).map(lambda count: date(2026, 1, 1) + timedelta(days=count))


@st.composite
def components(draw: st.DrawFn, *, rising: bool = False) -> dict[str, Any]:
    """Tiers with any prices; or each dearer than the one before, and the allowance as cheap as the first."""
    limits = sorted(draw(st.sets(st.integers(1, 1_500_000), max_size=4)))
    ends = [*map(quantity_text, limits), None]
    drawn = [draw(prices) for _ in ends]
    of_tiers = sorted(drawn) if rising else drawn
    tiers = [tier(end, price_text(price)) for end, price in zip(ends, of_tiers, strict=True)]
    covered = price_text(of_tiers[0]) if rising else "0.5"
    allowance = {"season": examples.WINTER, "quantity": quantity_text(draw(thousandths)), "unit_price": covered}
    return by_usage(
        "base",
        "m3",
        *tiers,
        cycle=draw(st.sampled_from(("year", "period"))),
        allowance=draw(st.sampled_from((None, allowance))),
    )


@st.composite
def periods(draw: st.DrawFn) -> dict[str, str]:
    first = draw(days)
    return {"first_day": str(first), "last_day": str(first + timedelta(days=draw(st.integers(0, 300))))}


@given(components(), periods(), thousandths, thousandths)
def test_more_usage_never_costs_less(component: dict[str, Any], period: dict[str, str], less: int, more: int) -> None:
    fen = [
        explained(rules(component), **period, quantities={"m3": quantity_text(used)}).total_fen
        for used in (less, less + more)
    ]
    assert fen[0] <= fen[1]


@given(components(rising=True), components(rising=True), periods(), days, thousandths, thousandths)
def test_nor_over_a_change_of_price_but_for_the_rounding_of_its_lines(
    one: dict[str, Any], other: dict[str, Any], period: dict[str, str], change: date, less: int, more: int
) -> None:
    """Where prices rise with usage: more of it before the change uses up the cheap tiers, so that fewer are left."""
    versions = (rules(one), (str(change), rules(other)))
    found = [explained(*versions, **period, quantities={"m3": quantity_text(used)}) for used in (less, less + more)]
    rounding = Fraction(sum(len(each.lines) for each in found), 2)
    assert found[0].total_fen <= found[1].total_fen + rounding


@given(components(), st.integers(0, 400_000))
def test_nothing_leaps_at_the_limit_of_a_tier(component: dict[str, Any], used_before: int) -> None:
    """A thousandth of a unit more costs its own price, and each of two tiers is rounded by half a fen at most."""
    steep = max(float(each["unit_price"]) for each in component["tiers"])
    for end in (each["up_to"] for each in component["tiers"][:-1]):
        at = round(float(end) * 1000)
        before, after = (
            explained(
                rules(component),
                quantities={"m3": quantity_text(max(0, used))},
                used_before={"m3": quantity_text(used_before)},
            ).total_fen
            for used in (at - used_before, at - used_before + 1)
        )
        assert after - before <= 2 + steep / 10


@given(components(), periods(), thousandths, thousandths)
def test_what_was_used_is_what_the_lines_of_a_component_add_up_to(
    component: dict[str, Any], period: dict[str, str], used: int, before: int
) -> None:
    tariff = rules(component, one_price("sewage", "m3", "0.95"))
    found = explained(
        tariff, **period, quantities={"m3": quantity_text(used)}, used_before={"m3": quantity_text(before)}
    )
    for code in ("base", "sewage"):
        assert sum(line.quantity for line in found.lines if line.component == code) == used
    assert found.total_fen == sum(line.amount_fen for line in found.lines)
    assert all(line.amount_fen == half_up_by_hand(line.quantity * line.unit_price, 100_000) for line in found.lines)


def half_up_by_hand(number: int, by: int) -> int:
    whole, rest = divmod(number, by)
    return whole + (2 * rest >= by)


@given(components(), periods(), st.lists(days, max_size=3), thousandths, st.sampled_from(("by_day", "by_reading")))
def test_versions_that_change_no_price_change_no_line(
    component: dict[str, Any], period: dict[str, str], changes: list[date], used: int, split: str
) -> None:
    tariff = rules(
        component,
        examples.BANDS,
        examples.area(),
        examples.fixed("plan", 9999, "month"),
        examples.fixed("bill", 333, "bill"),
        change=split,
    )
    hours = {"peak": quantity_text(used), "flat": "1.234", "valley": "0"}
    stated = period | {"quantities": {"m3": quantity_text(used), **hours}, "area": "88.5"}
    assert explained(tariff, *((str(day), tariff) for day in changes), **stated) == explained(tariff, **stated)


@given(st.integers(0, 10_000_000), st.integers(1, 10_000))
def test_a_half_is_rounded_up(number: int, by: int) -> None:
    assert half_up(Fraction(number, by)) == half_up_by_hand(number, by)
    assert half_up(-Fraction(number, by)) == -half_up_by_hand(number, by)
