from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, PlainSerializer


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


Quantity = Annotated[Decimal, PlainSerializer(_plain, return_type=str)]
"""A decimal number as a JSON string without needless zeros."""


PayingStatus = Literal["due", "paying", "paid", "posted"]
"""How far a bill is paid. v1 promises these four, so that a bill is withdrawn is said beside them."""


class Bill(BaseModel):
    bill_id: UUID
    provider_id: UUID
    bill_number: str = Field(description="The provider's own number.")
    account_number: str
    period: str = Field(description="The billed month, YYYY-MM.")
    usage: Quantity = Field(description="In the unit of the provider's tariff.")
    amount_fen: int
    currency: str = "CNY"
    due_date: date
    meter_from: Quantity | None
    meter_to: Quantity | None
    kind: str = Field(description="regular, advance or top_up; expect further values within v1.")
    late_fee_fen: int = Field(
        description="Late fees: those paid so far, and what has grown until today on what is left of the amount."
    )
    paid_fen: int = Field(description="What has been paid of it so far, late fees included, and not given back.")
    outstanding_fen: int = Field(description="What is left to pay today: amount and late fees less what was paid.")
    status: PayingStatus
    withdrawn: str | None = Field(
        description="void, expired or superseded: there is nothing to pay any more, whatever the status. "
        "Expect further values within v1."
    )
    version: int = Field(description="Counts up when the provider amends the bill.")
    created_at: datetime


class TierLine(BaseModel):
    tier: int = Field(description="1 is the first tier.")
    quantity: Quantity
    unit_price: Quantity = Field(description="Yuan for one unit.")
    amount_fen: int


class Explanation(BaseModel):
    """How the amount follows from the tariff: the lines, the fixed fee and the difference add up to it."""

    tariff_id: UUID
    customer_class: str
    unit: str
    effective_from: date
    lines: list[TierLine]
    fixed_fee_fen: int
    difference_fen: int = Field(description="What the tariff does not explain; 0 when the bill follows from it.")


class ExplainedBill(Bill):
    explanation: Explanation | None = Field(description="null: the provider has published no tariff for this period.")
