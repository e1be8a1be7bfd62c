"""Values that are possible and rarely meant: they need a confirmation."""

from collections.abc import Iterator
from datetime import date

from chassis.problems import Problem
from kit.tariffs.decimals import price_text
from kit.tariffs.prices import prices_of
from kit.tariffs.rules import TariffRules

_FAR_YEARS = 2
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
    if effective_from > today.replace(year=today.year + _FAR_YEARS, day=min(today.day, 28)):
        yield f"effective_from: {effective_from.isoformat()}"
    known = prices_of(before) if before else {}
    for place, price in prices_of(rules).items():
        last = known.get(place, 0)
        if price == 0 and place not in known:
            yield f"{place}: {price_text(0)}"
        elif last and not last < price * _FACTOR < last * _FACTOR**2:
            yield f"{place}: {price_text(last)} -> {price_text(price)}"
