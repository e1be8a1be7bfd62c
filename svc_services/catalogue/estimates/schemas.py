from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from kit.tariffs.decimals import Price, Quantity
from kit.tariffs.lines import Why


class EstimateLine(BaseModel):
    """One amount of an estimate."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    component: str
    name: str
    """The component's name in the language of the request."""
    why: Why
    """Why this line is there; expect further values within v1."""
    reason: str
    """The same in words of the language of the request."""
    first_day: date
    last_day: date
    tier: int | None
    quantity: Quantity
    unit: str
    unit_price: Price
    """Yuan per unit."""
    amount_fen: int
    """Below zero where something is taken off."""


class AppliedTariff(BaseModel):
    """A version of the tariff that applies in the period."""

    tariff_id: UUID
    effective_from: date


class TariffEstimate(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    tariff_id: UUID
    applied: list[AppliedTariff]
    """The versions in force in the period, in order."""
    lines: list[EstimateLine]
    total_fen: int
    """The sum of the lines."""
