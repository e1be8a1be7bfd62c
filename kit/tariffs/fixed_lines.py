"""Amounts that do not depend on usage: for each bill, for each month, or once."""

from calendar import monthrange
from datetime import date
from fractions import Fraction

from kit.tariffs.decimals import FEN_PER_YUAN, PRICE_PLACES, QUANTITY_PLACES, half_up
from kit.tariffs.lines import Line, Why
from kit.tariffs.rules import FixedComponent
from kit.tariffs.spans import Span
from kit.tariffs.usage import Usage, UsageMissing

_WHYS = {"bill": Why.PER_BILL, "month": Why.PER_MONTH, "once": Why.ONCE}
_MONTHS = 12


def fixed_lines(span: Span, component: FixedComponent, usage: Usage) -> list[Line]:
    """One line, or none where nothing is charged.

    Raises:
        UsageMissing: of how many there are of what the amount counts.
    """
    times = _times(span, component, usage) * _count(component, usage)
    if not times:
        return []
    line = Line(
        component=component.code,
        name=component.name,
        why=_WHYS[component.per],
        first_day=span.begin,
        last_day=span.last_day,
        tier=None,
        quantity=half_up(times * 10**QUANTITY_PLACES),
        unit=component.counted or component.per,
        unit_price=component.amount_fen * 10**PRICE_PLACES // FEN_PER_YUAN,
        amount_fen=half_up(component.amount_fen * times),
        facts={"included": str(component.included)},
    )
    return [line]


def _count(component: FixedComponent, usage: Usage) -> int:
    if component.counted is None:
        return 1
    if component.counted not in usage.counts:
        raise UsageMissing(missing=f"counts.{component.counted}")
    return max(0, usage.counts[component.counted] - component.included)


def _times(span: Span, component: FixedComponent, usage: Usage) -> Fraction:
    match component.per:
        case "bill":
            return Fraction((span.end - span.begin).days, (usage.end - usage.first_day).days)
        case "month":
            return _months(usage.first_day, span.end) - _months(usage.first_day, span.begin)
        case "once":
            return Fraction(usage.first_bill and span.begin == usage.first_day)


def _months(first: date, day: date) -> Fraction:
    """The months from one day to a later one; of a month that is not over, the share of its days."""
    whole = (day.year - first.year) * _MONTHS + day.month - first.month
    whole -= _later(first, whole) > day
    begun, over = _later(first, whole), _later(first, whole + 1)
    return whole + Fraction((day - begun).days, (over - begun).days)


def _later(day: date, months: int) -> date:
    """The same day so many months later; the last of a month that is shorter."""
    year, month = divmod(day.month - 1 + months, _MONTHS)
    year += day.year
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
