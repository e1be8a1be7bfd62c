from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kit.tariffs.decimals import price_text, quantity_text
from kit.tariffs.lines import Line
from svc_payments.billing.bills.schemas import Bill, Explanation

Decimals = Annotated[str, Field(description="A decimal number.")]


class PlanLine(BaseModel):
    """One amount of a plan."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    component: str
    name: str
    """The component's name in the language of the request."""
    why: str
    """Why this line is there; expect further values within v1."""
    reason: str
    """The same in words of the language of the request."""
    first_day: date
    last_day: date
    tier: int | None
    quantity: Decimals
    unit: str
    unit_price: Decimals
    amount_fen: int
    """Below zero where something is taken off."""


class AppliedPlan(BaseModel):
    """A version of the plan that applies in the billed days."""

    tariff_id: UUID
    effective_from: date


class PlanCandidate(BaseModel):
    """A plan by which the bill may have been made."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    tariff_id: UUID
    customer_class: str
    code: str | None
    """null: a tariff of tiers, see `explanation`."""
    total_fen: int | None
    difference_fen: int | None
    """The amount of the bill less what the plan yields; null: the bill does not state enough to compute it."""
    missing: str | None
    """What the bill does not state, or what keeps the plan from applying."""


class ShownPlan(BaseModel):
    """How the amount follows from a plan: the lines and the difference add up to it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    tariff_id: UUID
    """The version in force on the first billed day."""
    customer_class: str
    code: str
    name: str
    """In the language of the request."""
    applied: list[AppliedPlan]
    """The versions in force in the billed days, in order."""
    lines: list[PlanLine]
    total_fen: int
    difference_fen: int
    unknown_months: list[str]
    """Earlier months whose usage counts and of which no bill is known here: they are taken as without usage."""
    household_unknown: bool
    """Whether the tiers depend on the number of persons and the bill does not state it."""


class PlanExplanation(BaseModel):
    """Which published plan the bill was made by, as far as that can be said."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    outcome: str
    """`explained`: one plan yields the amount. `differs`: the only plan yields another. `ambiguous`: several yield the
    amount, or several may be meant and none does. `incomplete`: the bill does not state enough. `not_in_force`: it
    names a plan of other days. `too_many`: too many plans to try, and the bill names none. Expect further values."""
    stated: bool
    """Whether the provider says which class, unit or tariff the bill was made by."""
    plan: ShownPlan | None
    """null: none, or none rather than another."""
    candidates: list[PlanCandidate]


class ExplainedBill(Bill):
    explanation: Explanation | None = Field(
        description="null if the provider has published no tariff of tiers for this period, or names a plan."
    )
    plan_explanation: PlanExplanation | None = Field(
        description="null if the provider has published no tariff of components that may explain it."
    )
    stated_tariff_unknown: bool = Field(
        description="Whether the provider states a class, unit or tariff that is none of its published ones here, so "
        "that there is no explanation. A tariff may arrive after the bill; then the bill is explained."
    )


def line_of(line: Line, language: str) -> PlanLine:
    same = ("component", "why", "first_day", "last_day", "tier", "unit", "amount_fen")
    return PlanLine(
        **{name: getattr(line, name) for name in same},
        name=line.named(language),
        reason=line.reason(language),
        quantity=quantity_text(line.quantity),
        unit_price=price_text(line.unit_price),
    )
