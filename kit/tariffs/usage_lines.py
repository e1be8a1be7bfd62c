"""What is priced by the unit: tiers, allowances and hours of the day."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from chassis.problems import Problem
from kit.tariffs.decimals import quantity_text
from kit.tariffs.lines import Line, Why, fen_of
from kit.tariffs.rules import Allowance, Component, HoursComponent, UsageComponent
from kit.tariffs.spans import Span
from kit.tariffs.usage import MeterReading, Usage, UsageMissing, pieces

_ALLOWANCE = 0
"""The number under which the usage of an allowance is counted; tiers are numbered from 1."""


class UsageContradictory(Problem):
    """The quantities of the hour bands do not add up to the whole."""

    status, code = 422, "usage_contradictory"


def with_totals(usage: Usage, components: Sequence[Component]) -> Usage:
    """The usage with the whole where only the hour bands are stated.

    Raises:
        UsageMissing, UsageContradictory
    """
    for component in components:
        if isinstance(component, HoursComponent):
            usage = _with_total(usage, component)
    return usage


def _with_total(usage: Usage, component: HoursComponent) -> Usage:
    bands = [each.band for each in component.bands]
    if missing := [band for band in bands if band not in usage.quantities]:
        raise UsageMissing(missing=", ".join(f"quantities.{band}" for band in missing))
    total = sum(usage.quantities[band] for band in bands)
    if usage.quantities.get(component.measure, total) != total:
        raise UsageContradictory(measure=component.measure, total=quantity_text(total))
    readings = tuple(_read_with_total(reading, bands, component.measure) for reading in usage.readings)
    changes = {"quantities": {**usage.quantities, component.measure: total}, "readings": readings}
    return usage.model_copy(update=changes)


def _read_with_total(reading: MeterReading, bands: Sequence[str], measure: str) -> MeterReading:
    if measure in reading.used or any(band not in reading.used for band in bands):
        return reading
    total = sum(reading.used[band] for band in bands)
    return reading.model_copy(update={"used": {**reading.used, measure: total}})


@dataclass
class Counter:
    """How much has been used of the tiers in this cycle, and of the allowance in this season."""

    used: int
    allowance_used: int
    cycle: int | None = None
    season: date | None = None
    quantities: dict[tuple[Span, int | None, int], int] = field(default_factory=dict)
    """By span, cycle and tier, in the order in which they are reached."""

    def count(self, span: Span, component: UsageComponent, day: date, quantity: int, persons: int | None) -> None:
        cycle = day.year if component.cycle == "year" else None
        if self.cycle is not None and cycle != self.cycle:
            self.used = 0
        self.cycle = cycle
        covered = self._covered(component.allowance, day, quantity)
        self._add(span, _ALLOWANCE, covered)
        left = quantity - covered
        for number, limit in enumerate(limits_of(component, persons), 1):
            here = left if limit is None else min(left, max(0, limit - self.used))
            self._add(span, number, here)
            self.used += here
            left -= here

    def used_in(self, day: date) -> int:
        """What counts for the tiers of the year of a day that comes next."""
        return self.used if self.cycle == day.year else 0

    def covered_in(self, allowance: Allowance | None, day: date) -> int:
        """What counts for the allowance of the season of a day that comes next."""
        seasons = allowance.season.between(day, day + timedelta(days=1)) if allowance else []
        return self.allowance_used if seasons and seasons[0][0] == self.season else 0

    def _covered(self, allowance: Allowance | None, day: date, quantity: int) -> int:
        seasons = allowance.season.between(day, day + timedelta(days=1)) if allowance else []
        if allowance is None or not seasons:
            return 0
        begun = seasons[0][0]
        if self.season is not None and begun != self.season:
            self.allowance_used = 0
        self.season = begun
        covered = min(quantity, max(0, allowance.quantity - self.allowance_used))
        self.allowance_used += covered
        return covered

    def _add(self, span: Span, number: int, quantity: int) -> None:
        if quantity:
            key = (span, self.cycle, number)
            self.quantities[key] = self.quantities.get(key, 0) + quantity


def limits_of(component: UsageComponent, persons: int | None) -> list[int | None]:
    """The limits of the tiers for a household."""
    extra = max(0, (persons or 0) - component.included_persons)
    return [
        None if tier.up_to is None else tier.up_to + extra * (tier.per_extra_person or 0) for tier in component.tiers
    ]


def usage_lines(spans: Sequence[Span], usage: Usage) -> list[Line]:
    """The lines of one component over its versions: the tiers that it reaches are counted on from one to the next.

    A tier is rounded once in a version and a cycle, wherever else the period is cut.
    """
    components = [(span, span.component) for span in spans if isinstance(span.component, UsageComponent)]
    if not components:
        return []
    measure = components[0][1].measure
    # The tiers of a period begin with it, whatever was used before.
    used_before = usage.used_before.get(measure, 0) if components[0][1].cycle == "year" else 0
    counter = Counter(used_before, usage.allowance_used_before.get(measure, 0))
    cuts = {cut for span, component in components for cut in cuts_of(span, component, usage)}
    for day, quantity in pieces(usage, measure, sorted(cuts)):
        for span, component in components:
            if span.begin <= day < span.end:
                counter.count(span, component, day, quantity, usage.persons)
    by_span = dict(components)
    return [
        _line(span, by_span[span], cycle, number, quantity)
        for (span, cycle, number), quantity in counter.quantities.items()
    ]


def cuts_of(span: Span, component: UsageComponent, usage: Usage) -> list[date]:
    """The days on which usage is divided: those of the version, of a new year and of the allowance's seasons."""
    cuts = [span.begin, span.end]
    if component.cycle == "year":
        cuts += [date(year, 1, 1) for year in range(usage.first_day.year + 1, usage.last_day.year + 1)]
    if component.allowance:
        cuts += [day for season in component.allowance.season.between(usage.first_day, usage.end) for day in season]
    return cuts


def _line(span: Span, component: UsageComponent, cycle: int | None, number: int, quantity: int) -> Line:
    first_day = max(span.begin, date(cycle, 1, 1)) if cycle else span.begin
    last_day = min(span.last_day, date(cycle, 12, 31)) if cycle else span.last_day
    facts: dict[str, str] = {}
    if number == _ALLOWANCE and component.allowance:
        why, unit_price = Why.ALLOWANCE, component.allowance.unit_price
        facts = {"allowance": f"{quantity_text(component.allowance.quantity)} {component.measure}"}
    else:
        tier = component.tiers[number - 1]
        why, unit_price = (Why.LAST_TIER if tier.up_to is None else Why.TIER), tier.unit_price
        why = Why.ONE_PRICE if len(component.tiers) == 1 else why
        facts = {"tier": str(number)}
    return Line(
        component=component.code,
        name=component.name,
        why=why,
        first_day=first_day,
        last_day=last_day,
        tier=number or None,
        quantity=quantity,
        unit=component.measure,
        unit_price=unit_price,
        amount_fen=fen_of(quantity, unit_price),
        facts=facts,
    )


def hours_lines(span: Span, component: HoursComponent, usage: Usage) -> list[Line]:
    """A line for each band in which something was used."""
    lines = []
    for each in component.bands:
        within = [q for day, q in pieces(usage, each.band, [span.begin, span.end]) if span.begin <= day < span.end]
        if quantity := sum(within):
            line = Line(
                component=component.code,
                name=component.name,
                why=Why.HOURS,
                first_day=span.begin,
                last_day=span.last_day,
                tier=None,
                quantity=quantity,
                unit=component.measure,
                unit_price=each.unit_price,
                amount_fen=fen_of(quantity, each.unit_price),
                facts={"band": each.band},
            )
            lines.append(line)
    return lines
