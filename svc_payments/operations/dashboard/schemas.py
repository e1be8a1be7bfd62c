from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class ChannelFigures(BaseModel):
    """Payments begun through a channel within the period, by outcome."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    channel: str
    begun: int
    captured: int
    """Payments whose money arrived, refunded or not."""
    given_up: int
    """Failed, expired or cancelled."""
    under_way: int
    """Not decided yet."""
    success: float | None
    """Captured of those decided; null while none is."""


class ProviderFigures(BaseModel):
    """Postings of a provider within the period."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    provider_id: UUID
    told: int
    """Sent to the provider."""
    booked: int
    refused: int
    open: int
    """Not settled yet."""
    success: float | None
    """Booked of those settled; null while none is."""
    median_seconds: float | None
    """From the money's arrival to the booking."""
    slowest_twentieth_seconds: float | None
    """95 of 100 were booked within this time."""


class Figures(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    at: datetime
    since: datetime
    channels: list[ChannelFigures]
    providers: list[ProviderFigures]
    unknown: int
    """Payments with an unknown outcome at the channel; of any age."""
    overdue: int
    """Payments past the deadline of their state; of any age. GET /payments/v1/overdue-payments names them."""
    open_incidents: int
    open_cases: int
    """Discrepancies that are not closed."""
    late_cases: int
    """Open discrepancies past their deadline."""
    refunds_waiting: int
    """Refunds that wait for a decision, a retry or a payout."""
    refunds_unknown: int
    """Refunds with an unknown outcome at the channel."""
    manual_actions_waiting: int
    """Proposed, and not decided by a second operator."""
    events_waiting: int
    """Committed, and not yet handed to Kafka."""
    parked_events: int
    """Events that could not be handled and wait for a person."""


class OverduePayment(BaseModel):
    payment_id: UUID
    provider_id: UUID
    channel: str
    status: str
    amount_fen: int
    deadline: datetime
    created_at: datetime
