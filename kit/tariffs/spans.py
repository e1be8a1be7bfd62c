"""A component of a tariff and the days on which it applies."""

from dataclasses import dataclass
from datetime import date, timedelta

from kit.tariffs.rules import Component


@dataclass(frozen=True)
class Span:
    component: Component
    begin: date
    end: date
    """The day after the last."""

    @property
    def last_day(self) -> date:
        return self.end - timedelta(days=1)
