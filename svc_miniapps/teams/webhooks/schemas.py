from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kit.deliveries import DeliveryFault
from svc_miniapps.teams.webhooks import models


class NewWebhook(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    url: str = Field(min_length=1, max_length=500)
    """A public https address without user name, query or fragment."""


class Webhook(BaseModel):
    """A team's endpoint, and how it fares."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    team_id: UUID
    url: str
    set_at: datetime
    proved_at: datetime | None
    """When it received its proof; nothing else is sent before."""
    failures: int
    """In a row."""
    stalled_at: datetime | None
    """Since when it counts as dead: one delivery at a time is tried, with growing pauses."""
    paused_at: datetime | None
    """Since when a lead has paused it."""


class WebhookDelivery(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    delivery_id: UUID
    team_id: UUID
    kind: models.WebhookKind
    """Expect further kinds within v1."""
    app_id: UUID | None
    details: dict[str, Any]
    occurred_at: datetime
    status: models.WebhookStatus
    tries: int
    try_at: datetime | None
    """When it is tried next."""
    give_up_at: datetime
    settled_at: datetime | None

    @classmethod
    def of(cls, row: models.WebhookDelivery) -> "WebhookDelivery":
        names = ("team_id", "kind", "app_id", "details", "occurred_at", "status", "tries", "give_up_at", "settled_at")
        waits = row.status == models.WebhookStatus.PENDING
        about = {name: getattr(row, name) for name in names}
        return cls(delivery_id=row.id, try_at=row.try_at if waits else None, **about)


class WebhookAttempt(BaseModel):
    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    number: int
    began_at: datetime
    milliseconds: int
    status: int | None
    """Of the answer, if there was one."""
    fault: DeliveryFault | None
    """Null: received."""
