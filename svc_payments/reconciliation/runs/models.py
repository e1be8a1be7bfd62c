"""Runs of reconciliation, and what each found that was not plainly equal."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Date, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from svc_payments.base import Base
from svc_payments.reconciliation.statements.models import LineState, Movement, Source


class Phase(StrEnum):
    """The phase of a run."""

    REQUESTED = "requested"
    MATCHING = "matching"
    """Every line of the statement is matched with the ledger's movements of the day."""
    JUDGING = "judging"
    """Unmatched movements are looked for on the neighbouring days."""
    SETTLING = "settling"
    """New cases are opened, and those without a difference any more are resolved."""
    FINISHED = "finished"
    FAILED = "failed"


class Result(StrEnum):
    LATE = "late"
    """Both sides have it, on different sides of midnight."""
    CARRIED_OVER = "carried_over"
    """One side has it, close to midnight: the next day's statement decides."""
    EXCESS = "excess"
    """The statement has money that the ledger has not."""
    SHORTAGE = "shortage"
    """The ledger has money that the statement has not."""
    AMOUNT_DIFFERS = "amount_differs"
    STATE_DIFFERS = "state_differs"
    """Both know it; one says that it was done, the other that it was not."""


DIFFERENCES = (Result.EXCESS, Result.SHORTAGE, Result.AMOUNT_DIFFERS, Result.STATE_DIFFERS)


class Run(Base):
    """One comparison of a day's statement with the ledger. Run again it finds the same, and changes nothing."""

    __tablename__ = "reconciliation_runs"
    __table_args__ = (
        one_of("source", Source),
        one_of("phase", Phase),
        Index(None, "source", "holder", "day"),
        Index("ix_reconciliation_runs_requested", "id", postgresql_where=text("phase = 'requested'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    source: Mapped[Source] = mapped_column(Text)
    holder: Mapped[str] = mapped_column(Text)
    day: Mapped[date] = mapped_column(Date)
    requested_by: Mapped[str] = mapped_column(Text)
    phase: Mapped[Phase] = mapped_column(Text, default=Phase.REQUESTED)
    failure: Mapped[str | None] = mapped_column(Text)
    statement_id: Mapped[UUID | None] = mapped_column(ForeignKey("statements.id"))
    """The version that was reconciled."""
    lines: Mapped[int] = mapped_column(server_default="0")
    """In the statement."""
    movements: Mapped[int] = mapped_column(server_default="0")
    """In the ledger, of this day."""
    matched: Mapped[int] = mapped_column(server_default="0")
    late: Mapped[int] = mapped_column(server_default="0")
    carried_over: Mapped[int] = mapped_column(server_default="0")
    excess: Mapped[int] = mapped_column(server_default="0")
    shortage: Mapped[int] = mapped_column(server_default="0")
    amount_differs: Mapped[int] = mapped_column(server_default="0")
    state_differs: Mapped[int] = mapped_column(server_default="0")
    difference_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What the statement has more than the ledger, over all differences."""
    cases_opened: Mapped[int] = mapped_column(server_default="0")
    cases_resolved: Mapped[int] = mapped_column(server_default="0")
    """Cases resolved because their difference was gone."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    started_at: Mapped[datetime | None] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)


class Finding(Base):
    """A movement on which statement and ledger do not plainly agree, as a run found it."""

    __tablename__ = "reconciliation_findings"
    __table_args__ = (
        UniqueConstraint("run_id", "number", "transaction_id"),
        one_of("movement", Movement),
        one_of("result", Result),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    run_id: Mapped[UUID] = mapped_column(ForeignKey(Run.id))
    number: Mapped[str] = mapped_column(Text)
    transaction_id: Mapped[str] = mapped_column(Text)
    movement: Mapped[Movement] = mapped_column(Text)
    day: Mapped[date] = mapped_column(Date)
    """The day it is counted on: the run's, or the one before when it was carried over."""
    result: Mapped[Result] = mapped_column(Text)
    statement_fen: Mapped[int | None] = mapped_column(BigInteger)
    statement_state: Mapped[LineState | None] = mapped_column(Text)
    statement_at: Mapped[datetime | None] = mapped_column(Timestamp)
    ledger_fen: Mapped[int | None] = mapped_column(BigInteger)
    ledger_state: Mapped[LineState | None] = mapped_column(Text)
    ledger_at: Mapped[datetime | None] = mapped_column(Timestamp)
    difference_fen: Mapped[int] = mapped_column(BigInteger)
    reference_id: Mapped[UUID | None]
    """Our payment, refund or posting, where the number says which."""
