from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class ChannelFigures(BaseModel):
    """The payments that were begun through a channel within the time looked at, by what has become of them."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    channel: str
    begun: int
    captured: int
    """Those whose money came, whatever happened to it afterwards."""
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
    """Payments of which the channel does not say what became; of any age."""
    overdue: int
    """Payments past the deadline of their state; of any age. GET /payments/v1/overdue-payments names them."""
    open_incidents: int
    open_cases: int
    """Differences that are not cleared up."""
    late_cases: int
    """Those of them whose time is over."""
    refunds_waiting: int
    """Refunds that wait for a decision, a retry or a payout."""
    refunds_unknown: int
    """Refunds of which the channel does not say what became."""
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
