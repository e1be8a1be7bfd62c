from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class ReminderRaised(Event):
    """A person should be reminded of a bill on an account they are bound to; once, whatever happens to the bill."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.payments.reminder.raised.v1"
    key_field: ClassVar[str] = "reminder_id"

    reminder_id: UUID
    person_id: UUID
    """The recipient."""
    bill_id: UUID
    provider_id: UUID
    kind: str
    """due_soon, overdue or large_change; expect further kinds within v1."""
    due_date: date
    days_overdue: int
    """Days overdue on the day of the reminder; 0 or less before the due date."""
    outstanding_fen: int
    """Left to pay, without late fees that have not been charged yet."""
    currency: Literal["CNY"] = "CNY"
    compared_with: str | None
    """For large_change: last_year or last_months; expect further values within v1."""
    usual_fen: int | None
    """For large_change: the amount that the bill is compared with."""
