from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, PlainSerializer

from chassis.text import Line


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


Quantity = Annotated[Decimal, PlainSerializer(_plain, return_type=str)]
"""A decimal number as a JSON string without trailing zeros."""


Value = Annotated[str, Field(max_length=100)]
"""A value as a bill file would have it; faults are reported for the bill, not for the request."""

Fen = Annotated[int, Field(strict=True, ge=-(10**15), le=10**15)]

MeterDigits = Annotated[
    Value | Annotated[int, Field(strict=True, ge=-(10**15), le=10**15)],
    Field(description="1 to 9, how many digits the meter shows; needed where the second reading is the lower one."),
]

StatedReason = Literal[
    "meter_error",
    "court_case",
    "arrears_write_off",
    "tariff_correction",
    "duplicate",
    "billing_error",
    "account_closed",
    "other",
]

REASON = "Why there is this version, such as meter_error or duplicate; expect further values within v1."


def yuan(amount_fen: int) -> str:
    """An amount as bill files have it."""
    sign, fen = ("-" if amount_fen < 0 else ""), abs(amount_fen)
    return f"{sign}{fen // 100}.{fen % 100:02}"


PayingStatus = Literal["due", "paying", "paid", "posted"]
"""How far a bill is paid. v1 promises these four; `withdrawn` says separately that a bill is withdrawn."""


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
    meter_digits: int | None = Field(description="How many digits the meter shows before its decimal point.")
    metered_usage: Quantity | None = Field(
        description="What the two readings come to, also where the meter began again at 0 between them. "
        "null: there are not two."
    )
    kind: str = Field(
        description="regular, advance, top_up, application_fee or app_order; expect further values within v1."
    )
    late_fee_fen: int = Field(description="Late fees: those paid, and those accrued until today on the unpaid amount.")
    paid_fen: int = Field(description="Paid so far, late fees included, less refunds.")
    outstanding_fen: int = Field(description="Left to pay today: amount and late fees less what was paid.")
    status: PayingStatus
    withdrawn: str | None = Field(
        description="void, expired or superseded: there is nothing to pay any more, whatever the status. "
        "Expect further values within v1."
    )
    expires_on: date | None = Field(description="The last day on which it can be paid; null: there is none.")
    supersedes: str | None = Field(description="The number of the bill that it replaces.")
    superseded_by: UUID | None = Field(description="The bill that replaces it.")
    customer_class: str | None = Field(description="The provider's statement; null: it makes none.")
    unit: str | None = Field(description="The provider's statement about the usage; null: it makes none.")
    tariff_id: UUID | None = Field(description="The provider's statement; null: it makes none.")
    usage_details: str | None = Field(description="What the provider says of the usage beside it, as in bill files.")
    version: int = Field(description="Increases with each change by the provider.")
    reason: str | None = Field(description=f"{REASON} null: nothing has changed.")
    note: str | None = Field(description="The reason in the provider's words.")
    created_at: datetime


class BillVersion(BaseModel):
    """The content of a bill between two changes."""

    version: int
    account_number: str
    period: str
    usage: Quantity
    amount_fen: int
    due_date: date
    meter_from: Quantity | None
    meter_to: Quantity | None
    meter_digits: int | None
    expires_on: date | None
    reason: str | None = Field(description=f"{REASON} null: it is the first version.")
    note: str | None
    replaced_at: datetime | None = Field(description="null: it is the newest version.")


class Change(BaseModel):
    """Why a bill changes."""

    reason: StatedReason
    note: Annotated[Line, Field(max_length=200)] | None = Field(None, description="The reason in your words.")
    version: int | None = Field(None, description="The version you read; 409 if the bill has changed since.", ge=1)


class Amendment(Change):
    """The new content of a bill; fields left out stay unchanged. The rules are those of bill files."""

    account_number: Value | None = None
    period: Value | None = Field(None, description="YYYY-MM.")
    usage: Value | None = None
    amount_fen: Fen | None = None
    due_date: Value | None = Field(None, description="YYYY-MM-DD.")
    meter_from: Value | None = None
    meter_to: Value | None = None
    meter_digits: MeterDigits | None = None
    expires_on: Value | None = Field(None, description="YYYY-MM-DD; null: it can be paid at any time.")


class PushedBill(BaseModel):
    """A bill as in a row of a bill file; its faults are in the report."""

    bill_number: Value
    account_number: Value
    period: Value = Field(description="YYYY-MM.")
    usage: Value
    amount_fen: Fen
    due_date: Value = Field(description="YYYY-MM-DD.")
    meter_from: Value | None = None
    meter_to: Value | None = None
    meter_digits: MeterDigits | None = None
    expires_on: Value | None = Field(None, description="YYYY-MM-DD, the last day on which it can be paid.")
    supersedes: Value | None = Field(
        None, description="The number of a due bill of the account that this one replaces."
    )
    reason: Value | None = Field(None, description="Why it changes or supersedes an existing bill.")
    customer_class: Value | None = Field(None, description="The class of the customer, as in the provider's tariffs.")
    unit: Value | None = Field(None, description="The unit of the usage, as in the provider's tariffs.")
    tariff_id: Value | None = Field(None, description="The tariff by which the bill was made.")
    usage_details: Annotated[str, Field(max_length=400)] | None = Field(
        None, description="Beside the usage, such as `peak=100;flat=80;valley=60;persons=5`; see the guide."
    )
    note: Annotated[str, Field(max_length=400)] | None = None


class BillPush(BaseModel):
    bills: Annotated[list[PushedBill], Field(min_length=1, max_length=1_000)]


class PushedBillOutcome(BaseModel):
    index: int = Field(description="The position in the request, from 0.")
    bill_number: str
    outcome: str = Field(description="accepted, unchanged, amended or refused; expect further values within v1.")
    bill_id: UUID | None = Field(description="null: refused, and no bill has this number.")
    reason: str | None = Field(description="Why it was refused, as for rows of bill files.")
    message: str | None = Field(description="The reason and what to do, in the reader's language.")


class PushReport(BaseModel):
    accepted: int
    unchanged: int
    amended: int
    refused: int
    bills: list[PushedBillOutcome] = Field(description="In the order of the request.")


class TierLine(BaseModel):
    tier: int = Field(description="1 is the first tier.")
    quantity: Quantity
    unit_price: Quantity = Field(description="Yuan per unit.")
    amount_fen: int


class FittingTariff(BaseModel):
    tariff_id: UUID
    customer_class: str
    unit: str


class Explanation(BaseModel):
    """How the amount follows from the tariff: the lines, the fixed fee and the difference add up to it."""

    tariff_id: UUID
    customer_class: str
    unit: str
    effective_from: date
    lines: list[TierLine]
    fixed_fee_fen: int
    difference_fen: int = Field(description="What the tariff does not explain; 0 when the bill follows from it.")
    stated: bool = Field(
        description="Whether the provider says which class, unit or tariff the bill was made by. If not, it is the "
        "tariff that yields the amount."
    )
    also_fits: list[FittingTariff] = Field(
        description="Other tariffs that yield the same amount. While there are any, only the provider knows which one "
        "the bill was made by."
    )
