"""What a tariff is made of: components, each with its own way to make an amount of a usage."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from kit.fields.labels import Label
from kit.tariffs.decimals import Price, Quantity

_MOST_FEN = 100_000_000
_MONTH_DAY = re.compile("[0-9]{2}-[0-9]{2}")
_A_COMMON_YEAR = 2001

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Measure = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,15}$")]
Percent = Annotated[int, Field(strict=True, ge=1, le=100)]
Band = Literal["sharp", "peak", "flat", "valley", "deep_valley"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Season(_Part):
    """A part of each year, which may span New Year."""

    from_day: str
    """The first day, such as 10-15."""
    until_day: str
    """The last day, such as 04-15."""

    @field_validator("from_day", "until_day")
    @classmethod
    def _require_day_of_every_year(cls, text: str) -> str:
        with suppress(ValueError):
            if _MONTH_DAY.fullmatch(text):
                _day_in(_A_COMMON_YEAR, text)
                return text
        raise ValueError("must be a month and a day of every year such as 10-15")

    @property
    def spans_new_year(self) -> bool:
        return self.until_day < self.from_day

    def beginning_in(self, year: int) -> tuple[date, date]:
        """The season that begins in a year: its first day, and the day after its last."""
        end = _day_in(year + self.spans_new_year, self.until_day) + timedelta(days=1)
        return _day_in(year, self.from_day), end

    def between(self, first: date, end: date) -> list[tuple[date, date]]:
        """The seasons of which a day lies in a period, each whole."""
        seasons = [self.beginning_in(year) for year in range(first.year - 1, end.year + 1)]
        return [season for season in seasons if season[0] < end and first < season[1]]


def _day_in(year: int, month_day: str) -> date:
    return date.fromisoformat(f"{year:04}-{month_day}")


class PriceTier(_Part):
    up_to: Quantity | None
    """The usage up to which the price applies; null in the last tier, which has no end."""
    unit_price: Price
    """Yuan per unit."""
    per_extra_person: Quantity | None = None
    """By how much `up_to` rises for each person of the household beyond `included_persons`; null: by nothing."""


class Allowance(_Part):
    """Usage in a season that has a price of its own and is not counted in the tiers, such as gas for heating."""

    season: Season
    quantity: Quantity
    """For each season."""
    unit_price: Price


class _Component(_Part):
    code: Code
    """Tells the components of a tariff apart, and is the same in each version of it."""
    name: Label


class UsageComponent(_Component):
    """A price of each unit used, by tiers; one open tier is one price for all."""

    type: Literal["usage"]
    measure: Measure
    """Which quantity of the usage is priced, such as m3."""
    cycle: Literal["year", "period"]
    """The tiers begin anew on 1 January, or with each billing period."""
    tiers: tuple[PriceTier, ...] = Field(min_length=1, max_length=20)
    included_persons: int = Field(default=4, strict=True, ge=1, le=20)
    allowance: Allowance | None = None

    @field_validator("tiers")
    @classmethod
    def _require_rising_tiers(cls, tiers: Sequence[PriceTier]) -> Sequence[PriceTier]:
        *limited, last = tiers
        if last.up_to is not None:
            raise ValueError("the last tier must have no end: its up_to is null")
        limits = [(tier.up_to, tier.per_extra_person or 0) for tier in limited if tier.up_to is not None]
        if len(limits) < len(limited):
            raise ValueError("only the last tier may have no end")
        if any(lower[0] >= upper[0] or lower[1] > upper[1] for lower, upper in pairwise([(0, 0), *limits])):
            raise ValueError("up_to must be above zero and rise from tier to tier")
        return tiers


class HourBand(_Part):
    band: Band
    unit_price: Price


class HoursComponent(_Component):
    """A price of each unit used, by the hours of the day in which it was used."""

    type: Literal["hours"]
    measure: Measure
    """The unit; the quantities of the usage are named after the bands."""
    bands: tuple[HourBand, ...] = Field(min_length=2, max_length=5)

    @field_validator("bands")
    @classmethod
    def _require_different_bands(cls, bands: Sequence[HourBand]) -> Sequence[HourBand]:
        if len({each.band for each in bands}) < len(bands):
            raise ValueError("each band must stand there once")
        return bands


class Rebate(_Part):
    """What is given back for each day on which a home was colder than the standard."""

    degrees_below: Quantity
    """From so many degrees below the standard on."""
    percent: Percent


class AreaComponent(_Component):
    """A price of each square metre for a season; a part of the season costs its share by days."""

    type: Literal["area"]
    unit_price: Price
    """Yuan per square metre and season."""
    season: Season
    empty_home_percent: Percent = 100
    """What a home that is reported empty pays of it."""
    rebates: tuple[Rebate, ...] = Field(default=(), max_length=10)

    @field_validator("rebates")
    @classmethod
    def _require_rising_rebates(cls, rebates: Sequence[Rebate]) -> Sequence[Rebate]:
        if any(a.degrees_below >= b.degrees_below or a.percent > b.percent for a, b in pairwise(rebates)):
            raise ValueError("degrees_below and percent must rise")
        return rebates


class FixedComponent(_Component):
    """An amount that does not depend on usage: for each bill, for each month, or once."""

    type: Literal["fixed"]
    amount_fen: int = Field(strict=True, ge=0, le=_MOST_FEN)
    per: Literal["bill", "month", "once"]
    counted: Code | None = None
    """The amount is for each of these, such as secondary_card; null: charged as it is."""
    included: int = Field(default=0, strict=True, ge=0, le=100)
    """So many of those counted cost nothing."""


Component = Annotated[UsageComponent | HoursComponent | AreaComponent | FixedComponent, Field(discriminator="type")]


class TariffRules(_Part):
    """A tariff, and how a period is split on its first day when that lies within the period."""

    components: tuple[Component, ...] = Field(min_length=1, max_length=20)
    change: Literal["by_day", "by_reading"]
    """When it takes effect within a period, usage is divided by days, or by a meter reading of that day."""

    @field_validator("components")
    @classmethod
    def _require_different_codes(cls, components: Sequence[Component]) -> Sequence[Component]:
        if len({each.code for each in components}) < len(components):
            raise ValueError("each component must have its own code")
        return components
