from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from kit.tariffs.decimals import PRICE, QUANTITY, QUANTITY_PLACES, scaled
from svc_services.catalogue.tariffs.models import CustomerClass, Unit
from svc_services.fields import Day
from svc_services.reference.models import UtilityKind

Quantity = Annotated[str, StringConstraints(pattern=QUANTITY)]
Price = Annotated[str, StringConstraints(pattern=PRICE)]
_MOST_FIXED_FEE_FEN = 100_000_000


class Tier(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    up_to: Quantity | None
    """The usage up to which the price applies, to thousandths; null in the last tier, which has no end."""
    unit_price: Price
    """Yuan per unit, to ten-thousandths."""


class NewTariff(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    kind: UtilityKind
    customer_class: CustomerClass
    unit: Unit
    effective_from: Day
    """The first day, in China, on which the tariff applies."""
    tiers: list[Tier] = Field(min_length=1, max_length=20)
    fixed_fee_fen: int = Field(strict=True, ge=0, le=_MOST_FIXED_FEE_FEN)
    """Charged once per bill."""
    replaces: UUID | None = None
    """A tariff of the same class and unit that has not begun and is withdrawn with this publication, because it has a
    mistake."""

    @field_validator("tiers")
    @classmethod
    def _require_rising_tiers(cls, tiers: Sequence[Tier]) -> Sequence[Tier]:
        *limited, last = tiers
        if last.up_to is not None:
            raise ValueError("the last tier must have no end: its up_to is null")
        limits = [scaled(tier.up_to, QUANTITY_PLACES) for tier in limited if tier.up_to is not None]
        if len(limits) < len(limited):
            raise ValueError("only the last tier may have no end")
        if any(lower >= upper for lower, upper in zip([0, *limits], limits, strict=False)):
            raise ValueError("up_to must be above zero and rise from tier to tier")
        return tiers


class Tariff(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    tariff_id: UUID
    provider_id: UUID
    kind: UtilityKind
    customer_class: CustomerClass
    unit: Unit
    version: int
    effective_from: date
    tiers: list[Tier]
    fixed_fee_fen: int
    published_at: datetime
    withdrawn_at: datetime | None
    """When it was withdrawn, before its day: it never was in force."""
    replaced_by: UUID | None
    """The tariff that was published in its place."""
