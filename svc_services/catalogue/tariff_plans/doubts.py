"""Values that are possible and rarely meant, also those under a new name: they need a confirmation."""

from collections.abc import Iterator
from datetime import date

from chassis.problems import Problem
from kit.tariffs.decimals import price_text
from kit.tariffs.prices import prices_of
from kit.tariffs.rules import TariffRules

_FAR_YEARS, _OLD_YEARS = 2, 20
_FACTOR = 10


class ConfirmationNeeded(Problem):
    """A value is so far or so unusual that it may be a slip."""

    status, code = 422, "tariff_confirmation_needed"


def require_confirmed(
    rules: TariffRules, effective_from: date, before: TariffRules | None, today: date, *, confirmed: bool
) -> None:
    """Refuse unusual values that are not confirmed, with each of them.

    Raises:
        ConfirmationNeeded
    """
    if not confirmed and (doubts := [*_doubts(rules, effective_from, before, today)]):
        raise ConfirmationNeeded(doubts=doubts)


def _doubts(rules: TariffRules, effective_from: date, before: TariffRules | None, today: date) -> Iterator[str]:
    if not _years_from(today, -_OLD_YEARS) <= effective_from <= _years_from(today, _FAR_YEARS):
        yield f"effective_from: {effective_from.isoformat()}"
    known, named = prices_of(before) if before else {}, prices_of(rules)
    for place, price in named.items():
        last = known.get(place)
        if last is None and (price == 0 or known):
            yield f"{place}: {price_text(price)}"
        elif last and not last < price * _FACTOR < last * _FACTOR**2:
            yield f"{place}: {price_text(last)} -> {price_text(price)}"
    for place in known.keys() - named.keys():
        yield f"{place}: {price_text(known[place])} -> "


def _years_from(day: date, years: int) -> date:
    return day.replace(year=day.year + years, day=min(day.day, 28))
