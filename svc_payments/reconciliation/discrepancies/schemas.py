from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.text import Line
from svc_payments.reconciliation.discrepancies import models

NEAR_DUE = timedelta(hours=8)
Words = Annotated[Line, Field(max_length=500)]


class Flag(StrEnum):
    YELLOW = "yellow"
    """Less than eight hours are left."""
    RED = "red"
    """The time is over."""


class HandOver(BaseModel):
    """The person that a discrepancy is assigned to, and why."""

    assignee_id: UUID
    reason: Words


class Comment(BaseModel):
    words: Words


class Closing(BaseModel):
    """How to close a discrepancy: `settled` if the other side corrected it; `written_off` needs a second person."""

    resolution: Literal["settled", "written_off"]
    reason: Words


class WriteOffDecision(BaseModel):
    """A second person's decision on a write-off."""

    agreed: bool
    reason: Words


class Discrepancy(BaseModel):
    """A discrepancy."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    case_id: UUID
    source: str
    """channel or provider: whose statement differs from the ledger."""
    holder: str
    """The channel's name or the provider's id."""
    day: date
    movement: str
    """payment, refund or posting."""
    number: str
    """Ours: the order's, the refund's, or the posting's."""
    transaction_id: str
    """The channel's number of a payment; empty for other movements."""
    result: str
    """excess, shortage, amount_differs or state_differs; expect further values within v1."""
    statement_fen: int | None
    ledger_fen: int | None
    difference_fen: int
    """Statement less ledger."""
    reference_id: UUID | None
    """Our payment, refund or posting, where the number says which."""
    status: str
    """open, proposed (to be written off) or closed; expect further values within v1."""
    resolution: str | None
    """resolved, settled or written_off; expect further values within v1."""
    owner_role: str
    assignee_id: UUID | None
    due_at: datetime
    flag: str | None
    """yellow: less than eight hours are left; red: the time is over."""
    proposed_by: str | None
    created_at: datetime
    closed_at: datetime | None


class DiscrepancyEntry(BaseModel):
    """An entry in the history of a discrepancy."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    act: str
    """opened, handed_over, commented, write_off_proposed, write_off_refused or closed; expect further values."""
    actor: str
    words: str | None
    details: dict[str, Any]
    created_at: datetime


class DiscrepancyWithEntries(Discrepancy):
    entries: list[DiscrepancyEntry]


_PLAIN = set(Discrepancy.model_fields) - {"case_id", "flag"}


def shown(case: models.Discrepancy, moment: datetime) -> Discrepancy:
    return Discrepancy(case_id=case.id, flag=flag_of(case, moment), **{name: getattr(case, name) for name in _PLAIN})


def shown_entry(entry: models.DiscrepancyEntry) -> DiscrepancyEntry:
    return DiscrepancyEntry(**{name: getattr(entry, name) for name in DiscrepancyEntry.model_fields})


def flag_of(case: models.Discrepancy, moment: datetime) -> Flag | None:
    if case.status == models.DiscrepancyStatus.CLOSED or moment < case.due_at - NEAR_DUE:
        return None
    return Flag.YELLOW if moment < case.due_at else Flag.RED
