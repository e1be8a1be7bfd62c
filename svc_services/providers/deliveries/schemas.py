from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.text import Instant
from kit.deliveries import DeliveryFault
from svc_services.providers.deliveries.models import DeliveryKind, DeliveryStatus


class Delivery(BaseModel):
    """Something that the company is told at its endpoint."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    delivery_id: UUID
    provider_id: UUID
    kind: DeliveryKind
    """Expect further kinds within v1."""
    subject_id: UUID
    """The case, holder change or reading. Of one subject the next waits for the one before."""
    status: DeliveryStatus
    tries: int
    try_at: datetime | None
    """When it is tried next; null when it is settled. During a try, when that is taken for lost."""
    give_up_at: datetime | None
    """Null when it is settled."""
    occurred_at: datetime
    repeated_at: datetime | None
    """When people of the company last ordered it again."""
    settled_at: datetime | None


class DeliveryAttempt(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    number: int
    began_at: datetime
    milliseconds: int
    status: int | None
    """Of the answer; null where none came."""
    fault: DeliveryFault | None
    """Null: the company has received it. Expect further faults within v1."""
    answer: str | None
    """The `code` of a refusal, if it is a plain word; nothing else of an answer is kept."""


class DeliveryEndpoint(BaseModel):
    """How an endpoint fares with deliveries."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    provider_id: UUID
    failures: int
    """In a row."""
    failing_since: datetime | None
    stalled_at: datetime | None
    """Since when one delivery at a time is tried, after ten failures in a row; one success ends it."""
    probe_at: datetime | None
    """When the next one is tried."""
    paused_at: datetime | None
    """Since when nothing is sent, at the word of the company's admin."""
    paused_by: UUID | None


class DeliveriesSince(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    since: Instant
    """What was given up then or later."""


class RepeatedDeliveries(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    repeated: int
    """How many are sent again, 500 at most, the oldest first."""
    more: bool
    """There are more; order them again in a minute."""
