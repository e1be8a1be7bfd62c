from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from kit.deliveries import DeliveryFault


class ProviderDeliveriesStalled(Event):
    """A company's endpoint has failed ten times in a row: its contact should look after it.

    One delivery at a time is tried until one succeeds. What waits for longer than 72 hours is given up.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.provider.deliveries_stalled.v1"
    key_field: ClassVar[str] = "provider_id"

    provider_id: UUID
    failing_since: datetime
    fault: DeliveryFault
    """Of the last try; expect further faults within v1."""
    waiting: int
    """How many deliveries wait."""


class ProviderDeliveriesResumed(Event):
    """A company's endpoint receives again after it was dead."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.provider.deliveries_resumed.v1"
    key_field: ClassVar[str] = "provider_id"

    provider_id: UUID
    stalled_at: datetime
    resumed_at: datetime


DELIVERY_EVENTS = (ProviderDeliveriesStalled, ProviderDeliveriesResumed)
