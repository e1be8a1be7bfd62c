"""What was used of a year's tiers and of a season's allowance before a period, from the usage of earlier periods."""

from collections.abc import Sequence
from datetime import date, timedelta

from kit.tariffs.rules import Component, UsageComponent
from kit.tariffs.spans import Span
from kit.tariffs.usage import Usage, pieces
from kit.tariffs.usage_lines import Counter, cuts_of


def counts_on(component: Component) -> bool:
    """Whether its price depends on what was used before the period."""
    if not isinstance(component, UsageComponent):
        return False
    return (component.cycle == "year" and len(component.tiers) > 1) or component.allowance is not None


def counted_from(components: Sequence[Component], day: date) -> date | None:
    """The first day whose usage counts for a period that begins on a day; None where only the period's does."""
    begins: list[date] = []
    for component in components:
        if isinstance(component, UsageComponent) and counts_on(component):
            begins += [day.replace(month=1, day=1)] if component.cycle == "year" else []
            seasons = component.allowance.season.between(day, day + timedelta(days=1)) if component.allowance else []
            begins += [season[0] for season in seasons]
    return min(begins, default=None)


def with_earlier(usage: Usage, components: Sequence[Component], earlier: Sequence[Usage]) -> Usage:
    """The usage with what was used before it; what it states itself stays."""
    used, covered = dict(usage.used_before), dict(usage.allowance_used_before)
    in_order = sorted(earlier, key=lambda each: each.first_day)
    counting = [each for each in components if isinstance(each, UsageComponent) and counts_on(each)]
    # One with an allowance first: what the allowance covered is in no tier.
    for component in sorted(counting, key=lambda each: each.allowance is None):
        counter = Counter(0, 0)
        for before in in_order:
            _count(counter, component, before)
        used.setdefault(component.measure, counter.used_in(usage.first_day))
        covered.setdefault(component.measure, counter.covered_in(component.allowance, usage.first_day))
    return usage.model_copy(update={"used_before": used, "allowance_used_before": covered})


def _count(counter: Counter, component: UsageComponent, usage: Usage) -> None:
    if component.measure in usage.quantities:
        span = Span(component, usage.first_day, usage.end)
        for day, quantity in pieces(usage, component.measure, cuts_of(span, component, usage)):
            counter.count(span, component, day, quantity, usage.persons)
