from datetime import date
from typing import ClassVar
from uuid import UUID

from chassis.outbox import Event


class ReconciliationFinished(Event):
    """A day's statement was reconciled with the ledger; the figures count movements."""

    event_type: ClassVar[str] = "cn.ili.payments.reconciliation.finished.v1"
    key_field: ClassVar[str] = "run_id"

    run_id: UUID
    source: str
    party: str
    day: date
    lines: int
    movements: int
    matched: int
    late: int
    carried_over: int
    excess: int
    shortage: int
    amount_differs: int
    state_differs: int
    difference_fen: int
