"""Applies a tariff, with the versions that take effect in a period, to a usage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chassis.problems import Problem
from kit.tariffs.fixed_lines import fixed_lines
from kit.tariffs.lines import Explanation, Line
from kit.tariffs.rules import AreaComponent, Component, FixedComponent, HoursComponent, TariffRules, UsageComponent
from kit.tariffs.season_lines import season_lines
from kit.tariffs.spans import Span
from kit.tariffs.usage import Usage, UsageMissing
from kit.tariffs.usage_lines import hours_lines, usage_lines, with_totals


class NoTariffThen(Problem):
    """No version of the tariff is in force on the first day of the period."""

    status, code = 422, "no_tariff_then"


@dataclass(frozen=True)
class Version:
    effective_from: date
    rules: TariffRules


def explain(versions: Sequence[Version], usage: Usage) -> Explanation:
    """The lines that a tariff makes of a usage; their sum is the total.

    Args:
        versions: of one tariff, in any order; each applies until the next.
        usage: the period and what was used in it.

    Raises:
        NoTariffThen, UsageMissing, UsageContradictory
    """
    dated = in_force(versions, usage)
    stated = with_totals(usage, [component for version in dated for component in version.rules.components])
    spans = _spans(dated, stated)
    lines: list[Line] = []
    for code in dict.fromkeys(span.component.code for span in spans):
        lines += _lines([span for span in spans if span.component.code == code], stated)
    return Explanation(tuple(lines))


def in_force(versions: Sequence[Version], usage: Usage) -> list[Version]:
    """The versions of a period: the last one that began by its first day, and those that begin within it.

    Raises:
        NoTariffThen
    """
    begun = sorted((each for each in versions if each.effective_from < usage.end), key=lambda each: each.effective_from)
    before = [each for each in begun if each.effective_from <= usage.first_day]
    if not before:
        raise NoTariffThen(first_day=usage.first_day.isoformat())
    return [before[-1], *(each for each in begun if each.effective_from > usage.first_day)]


def _spans(versions: Sequence[Version], usage: Usage) -> list[Span]:
    """Each component with the days on which it applies as it is.

    A version that leaves a component as it was does not split it, so that its rounding does not change either.
    """
    ends = [*(version.effective_from for version in versions[1:]), usage.end]
    spans: list[Span] = []
    for version, end in zip(versions, ends, strict=True):
        begin = max(version.effective_from, usage.first_day)
        for component in version.rules.components:
            last = next((span for span in reversed(spans) if span.component.code == component.code), None)
            if last and last.component == component and last.end == begin:
                spans[spans.index(last)] = Span(component, last.begin, end)
                continue
            _require_reading(version.rules, component, begin, usage)
            spans.append(Span(component, begin, end))
    return spans


def _require_reading(rules: TariffRules, component: Component, begin: date, usage: Usage) -> None:
    if rules.change == "by_day" or begin == usage.first_day:
        return
    match component:
        case UsageComponent():
            measures: tuple[str, ...] = (component.measure,)
        case HoursComponent():
            measures = tuple(each.band for each in component.bands)
        case _:
            measures = ()
    for measure in measures:
        if not usage.is_read_on(begin, measure):
            raise UsageMissing(missing=f"readings: {measure}, {begin.isoformat()}")


def _lines(spans: Sequence[Span], usage: Usage) -> list[Line]:
    """The lines of one component in all its versions."""
    lines = usage_lines([span for span in spans if isinstance(span.component, UsageComponent)], usage)
    for span in spans:
        match span.component:
            case HoursComponent():
                lines += hours_lines(span, span.component, usage)
            case AreaComponent():
                lines += season_lines(span, span.component, usage)
            case FixedComponent():
                lines += fixed_lines(span, span.component, usage)
            case UsageComponent():
                pass
    return sorted(lines, key=lambda line: line.first_day)
