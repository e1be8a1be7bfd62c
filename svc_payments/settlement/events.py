from datetime import date
from typing import ClassVar
from uuid import UUID

from chassis.outbox import Event


class SettlementClosed(Event):
    """A provider's settlement of a day is closed."""

    event_type: ClassVar[str] = "cn.ili.payments.settlement.closed.v1"
    key_field: ClassVar[str] = "settlement_id"

    settlement_id: UUID
    provider_id: UUID
    day: date
    bookings: int
    booked_fen: int
    returned_fen: int
    fee_fen: int
    payable_fen: int
    held_fen: int


class SettlementConfirmed(Event):
    """The bank has paid it."""

    event_type: ClassVar[str] = "cn.ili.payments.settlement.confirmed.v1"
    key_field: ClassVar[str] = "settlement_id"

    settlement_id: UUID
    provider_id: UUID
    day: date
    payable_fen: int


SETTLEMENT_EVENTS: list[type[Event]] = [SettlementClosed, SettlementConfirmed]
