from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from svc_payments.billing.reminders.models import ReminderKind

MOST_BINDINGS = 100


class Reminder(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    reminder_id: UUID
    bill_id: UUID
    kind: str
    """due_soon, overdue or large_change; expect further kinds within v1."""
    stage: int
    """For overdue, the days overdue at which it is sent; otherwise 0."""
    day: date
    compared_with: str | None
    """For large_change: last_year or last_months; expect further values within v1."""
    usual_fen: int | None
    """For large_change: the amount that the bill is compared with."""
    raised_at: datetime


class ReminderPreference(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    binding_id: UUID
    provider_id: UUID
    account_number: str
    on: list[str]
    """The kinds that are sent: due_soon, overdue, large_change; expect further kinds within v1."""
    off: list[str]
    """The kinds that are not."""


class ReminderPreferences(BaseModel):
    items: list[ReminderPreference]


class NewPreference(BaseModel):
    binding_id: UUID
    off: Annotated[set[ReminderKind], Field(description="Which kinds not to send; all others are sent.")]


class NewPreferences(BaseModel):
    items: Annotated[list[NewPreference], Field(min_length=1, max_length=MOST_BINDINGS)]
