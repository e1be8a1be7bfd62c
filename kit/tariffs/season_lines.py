"""What is priced by area for a season: heating."""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction

from kit.tariffs.decimals import half_up, quantity_text
from kit.tariffs.lines import Line, Why, exact_fen
from kit.tariffs.rules import AreaComponent, Rebate
from kit.tariffs.spans import Span
from kit.tariffs.usage import Usage, UsageMissing

_WHOLE = 100


def season_lines(span: Span, component: AreaComponent, usage: Usage) -> list[Line]:
    """For each season in the span: its price by days, what an empty home saves, what is given back for cold days.

    Raises:
        UsageMissing: of the area.
    """
    if usage.area is None:
        raise UsageMissing(missing="area")
    lines: list[Line] = []
    for begin, end in component.season.between(span.begin, span.end):
        lines += _lines_of_season(component, (begin, end), span, usage.area, usage)
    return lines


def _lines_of_season(
    component: AreaComponent, season: tuple[date, date], span: Span, area: int, usage: Usage
) -> list[Line]:
    first, end = max(span.begin, season[0]), min(span.end, season[1])
    days, of_days = (end - first).days, (season[1] - season[0]).days
    whole = exact_fen(area, component.unit_price)
    due = whole * days / of_days
    facts = {"days": str(days), "of_days": str(of_days)}
    why = Why.WHOLE_SEASON if days == of_days else Why.PART_OF_SEASON
    lines = [_line(component, why, (first, end), area, half_up(due), facts)]

    def take(less: Fraction, why: Why, facts: dict[str, str]) -> None:
        # Rounded reductions could add up to more than the whole, or leave a fen where all is taken off.
        nonlocal due
        due -= less
        left = sum(line.amount_fen for line in lines)
        lines.append(_line(component, why, (first, end), area, -min(half_up(less), left) if due else -left, facts))

    pays = Fraction(component.empty_home_percent if usage.empty_home else _WHOLE, _WHOLE)
    if pays < 1:
        take(due * (1 - pays), Why.EMPTY_HOME, {"percent": str(component.empty_home_percent)})
    for rebate, cold in _cold_days(component.rebates, usage, first, end):
        facts = {"days": str(cold), "percent": str(rebate.percent), "degrees": quantity_text(rebate.degrees_below)}
        take(whole * pays * cold * rebate.percent / (of_days * _WHOLE), Why.COLD_DAYS, facts)
    return lines


def _cold_days(rebates: Sequence[Rebate], usage: Usage, first: date, end: date) -> list[tuple[Rebate, int]]:
    """How many days of a time each rebate is given for: on each day the highest that is reached."""
    days: dict[int, int] = {}
    for cold in usage.cold_days:
        reached = sum(rebate.degrees_below <= cold.degrees_below for rebate in rebates)
        if reached and first <= cold.day < end:
            days[reached - 1] = days.get(reached - 1, 0) + 1
    return [(rebates[number], count) for number, count in sorted(days.items())]


def _line(
    component: AreaComponent, why: Why, days: tuple[date, date], area: int, amount_fen: int, facts: dict[str, str]
) -> Line:
    return Line(
        component=component.code,
        name=component.name,
        why=why,
        first_day=days[0],
        last_day=days[1] - timedelta(days=1),
        tier=None,
        quantity=area,
        unit="m2",
        unit_price=component.unit_price,
        amount_fen=amount_fen,
        facts=facts,
    )
