from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.text import Day
from svc_payments.reconciliation.runs import models
from svc_payments.reconciliation.statements.models import Source


class NewRun(BaseModel):
    """Which day to reconcile again."""

    source: Source
    holder: Annotated[str, Field(pattern=r"^[0-9a-z-]{1,64}$", description="The channel's name or the provider's id.")]
    day: Day


class Run(BaseModel):
    """The progress of a run, and its findings."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    run_id: UUID
    source: str
    """channel or provider."""
    holder: str
    """The channel's name or the provider's id."""
    day: date
    phase: str
    """requested, matching, judging, settling, finished or failed; expect further values within v1."""
    failure: str | None
    """A code, when it failed."""
    statement_id: UUID | None
    lines: int
    """In the statement."""
    movements: int
    """In the ledger, of this day."""
    matched: int
    late: int
    """On both sides, with midnight between them."""
    carried_over: int
    """On one side, close to midnight; the next day's statement decides."""
    excess: int
    shortage: int
    amount_differs: int
    state_differs: int
    difference_fen: int
    """Statement less ledger, over all differences."""
    cases_opened: int
    cases_resolved: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Finding(BaseModel):
    """A movement on which statement and ledger do not simply agree."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    result: str
    """late, carried_over, excess, shortage, amount_differs or state_differs; expect further values within v1."""
    movement: str
    """payment, refund or posting."""
    number: str
    """Ours: the order's, the refund's, or the posting's."""
    transaction_id: str
    """The channel's number of a payment; empty for other movements."""
    day: date
    statement_fen: int | None
    statement_state: str | None
    statement_at: datetime | None
    ledger_fen: int | None
    ledger_state: str | None
    ledger_at: datetime | None
    difference_fen: int
    reference_id: UUID | None
    """Our payment, refund or posting, where the number says which."""


_OF_RUN = set(Run.model_fields) - {"run_id"}
_OF_FINDING = set(Finding.model_fields)


def shown(run: models.Run) -> Run:
    return Run(run_id=run.id, **{name: getattr(run, name) for name in _OF_RUN})


def shown_finding(finding: models.Finding) -> Finding:
    return Finding(**{name: getattr(finding, name) for name in _OF_FINDING})
