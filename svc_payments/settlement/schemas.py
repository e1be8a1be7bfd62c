from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from chassis.text import Day, Line
from svc_payments.settlement import models

_LARGEST = 10**15
Reason = Annotated[Line, Field(max_length=500)]


class Because(BaseModel):
    """The reason in free text."""

    reason: Reason


class CloseDay(Because):
    """Which day to close."""

    day: Day


class ChannelFunds(Because):
    """The amount received at the bank for a channel's day."""

    amount_fen: Annotated[StrictInt, Field(ge=-_LARGEST, le=_LARGEST)]


class Settlement(BaseModel):
    """What a provider is paid for a day: booked less returned less fee."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    settlement_id: UUID
    provider_id: UUID
    day: date
    status: str
    """closed, instructed (in a transfer file), sent or confirmed; expect further values within v1."""
    bookings: int
    booked_fen: int
    returned_fen: int
    """Reversed bookings, and refunds that the provider bears."""
    fee_fen: int
    payable_fen: int
    held_bookings: int
    held_fen: int
    """Booked, but held until a discrepancy is closed or the day of its payment is reconciled."""
    transfer_file_id: UUID | None
    created_at: datetime
    confirmed_at: datetime | None


class ClosedDay(BaseModel):
    """The settlements that closing the day created; none when it was closed before."""

    settlements: list[Settlement]


class TransferFile(BaseModel):
    """A file of instructions to the bank."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    transfer_file_id: UUID
    number: str
    state: str
    """generated, sent or confirmed; expect further values within v1."""
    transfers: int
    total_fen: int
    generated_by: str
    sent_by: str | None
    confirmed_by: str | None
    created_at: datetime
    sent_at: datetime | None
    confirmed_at: datetime | None


class GeneratedTransferFile(TransferFile):
    """A new file of instructions to the bank."""

    held_settlements: list[UUID]
    """Closed settlements that it leaves out, because one of their provider does not follow from the ledger."""


_OF_SETTLEMENT = set(Settlement.model_fields) - {"settlement_id"}
_OF_FILE = set(TransferFile.model_fields) - {"transfer_file_id"}


def shown(settlement: models.Settlement) -> Settlement:
    return Settlement(settlement_id=settlement.id, **{name: getattr(settlement, name) for name in _OF_SETTLEMENT})


def shown_file(file: models.TransferFile) -> TransferFile:
    return TransferFile(transfer_file_id=file.id, **{name: getattr(file, name) for name in _OF_FILE})


def generated_file(file: models.TransferFile, held: Sequence[UUID]) -> GeneratedTransferFile:
    return GeneratedTransferFile(**shown_file(file).model_dump(), held_settlements=list(held))
