from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class OutageNotified(Event):
    """Tells one person of an outage at one of their accounts, once for each version."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.outage.notified.v1"
    key_field: ClassVar[str] = "outage_id"

    outage_id: UUID
    version: int
    """Rises with each change; a message of a lower one is out of date."""
    person_id: UUID
    provider_id: UUID
    kind: str
    """water, electricity, gas, heating, telecom or cable_tv; expect further kinds within v1."""
    nature: str
    """`planned` or `sudden`."""
    status: str
    """`announced`, `ended` or `cancelled`; expect further values within v1."""
    affected: bool
    """False if an earlier version concerned the person and this one does not."""
    starts_at: datetime
    expected_end: datetime | None
    ended_at: datetime | None
    short_notice: bool
