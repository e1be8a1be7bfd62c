from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from svc_services.fields import Reason
from svc_services.supervision.orders.models import Addressee, OrderAction, OrderStatus


class NewSupervisionOrder(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    application_id: UUID | None = None
    complaint_id: UUID | None = None
    """What the order is on: one of the two."""
    addressee: Addressee
    clerk_id: UUID | None = None
    """Where the addressee is a clerk: who."""
    matter: Reason
    """What is to be explained or done."""
    reply_days: int = Field(strict=True, ge=1, le=30)
    """Working days for the reply; the day of the order does not count."""

    @model_validator(mode="after")
    def _require_clerk_and_subject(self) -> Self:
        if (self.addressee == Addressee.CLERK) != (self.clerk_id is not None):
            raise ValueError("clerk_id must name the clerk, and nobody else")
        if (self.application_id is None) == (self.complaint_id is None):
            raise ValueError("one of application_id and complaint_id must be given")
        return self


class OrderWords(BaseModel):
    model_config = ConfigDict(extra="forbid")

    words: Reason


class SupervisionOrderEntry(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    action: OrderAction
    actor_id: UUID | None
    """Null for the clock."""
    words: str | None
    taken_at: datetime


class SupervisionOrderSummary(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    order_id: UUID
    application_id: UUID | None
    complaint_id: UUID | None
    """Set where the order is on a complaint, and not on an application."""
    provider_id: UUID
    division_code: str
    addressee: Addressee
    clerk_id: UUID | None
    issued_by: UUID
    issued_at: datetime
    status: OrderStatus
    due_on: date
    """The last working day for a reply."""
    level: int
    """0: in time; 1: overdue, with the operators of the division; 2: with those of the prefecture."""


class SupervisionOrder(SupervisionOrderSummary):
    entries: list[SupervisionOrderEntry]
    """Each step with its words, in order."""
