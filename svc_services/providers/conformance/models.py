"""Sandboxes of companies, the runs that examine them, and who has reviewed an application."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from kit.conformance.results import Tried
from kit.leases import Leased
from svc_services.base import Base

RESTART_WITHIN = timedelta(seconds=240)
"""How long a run waits for the restart: less than a signature lives, so that one from before can be tried after it."""


class RunStatus(StrEnum):
    QUEUED = "queued"
    AWAITING_RESTART = "awaiting_restart"
    """The company restarts its sandbox and says so."""
    RESUMED = "resumed"
    PASSED = "passed"
    FAILED = "failed"


TRANSITIONS: dict[RunStatus, set[RunStatus]] = {
    RunStatus.QUEUED: {RunStatus.AWAITING_RESTART, RunStatus.FAILED},
    RunStatus.AWAITING_RESTART: {RunStatus.RESUMED, RunStatus.FAILED},
    RunStatus.RESUMED: {RunStatus.PASSED, RunStatus.FAILED},
    RunStatus.PASSED: set(),
    RunStatus.FAILED: set(),
}
ENDED = (RunStatus.PASSED, RunStatus.FAILED)
_LIVE = "status IN ('queued', 'awaiting_restart', 'resumed')"


class Sandbox(Base):
    """Where a company lets itself be examined, and the accounts invented for it."""

    __tablename__ = "sandboxes"

    application_id: Mapped[UUID] = mapped_column(ForeignKey("provider_applications.id"), primary_key=True)
    endpoint_url: Mapped[str] = mapped_column(Text)
    accounts: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    """`account_number` and `holder_name` of each."""
    unknown_account: Mapped[str] = mapped_column(Text)
    """A number that fits and that the sandbox must not know."""
    bills: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default="[]")
    """Of the next run: each run pays its own. Empty in a sandbox that was named before there were any."""
    named_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class ConformanceRun(Leased, Base):
    """One examination of a sandbox. What was tried is kept rule by rule, so that another worker goes on from there."""

    __tablename__ = "conformance_runs"
    __table_args__ = (
        one_of("status", RunStatus),
        CheckConstraint("(status IN ('passed', 'failed')) = (ended_at IS NOT NULL)", name="ended_at"),
        Index("uq_conformance_runs_live", "application_id", unique=True, postgresql_where=text(_LIVE)),
        Index("ix_conformance_runs_due", "try_at", postgresql_where=text(_LIVE)),
        Index(None, "application_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("provider_applications.id"))
    endpoint_url: Mapped[str] = mapped_column(Text)
    accounts: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    unknown_account: Mapped[str] = mapped_column(Text)
    bills: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default="[]")
    stated_terms: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """As the application had them; empty in a run of before payments had rules."""
    application_revision: Mapped[int] = mapped_column(default=1, server_default="1")
    """The run counts for this revision of the application alone."""
    status: Mapped[RunStatus] = mapped_column(Text, default=RunStatus.QUEUED)
    results: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    """What was tried, as `kit.conformance.results.Tried`."""
    started_by: Mapped[UUID | None]
    """The operator or the admin of the company; empty where the application's token started it."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: RunStatus) -> None:
        self.status = checked_move(TRANSITIONS, RunStatus(self.status), status)
        self.ended_at = now() if status in ENDED else None

    @property
    def tried(self) -> dict[str, Tried]:
        return {each["rule"]: Tried.model_validate(each) for each in self.results}

    def add(self, result: Tried) -> None:
        self.results = [*self.results, result.model_dump(mode="json")]


class ProviderEndorsement(Base):
    """The first operator's word for an application, given after a run that the sandbox passed."""

    __tablename__ = "provider_endorsements"
    __table_args__ = (second_person_check("approved_by", "endorsed_by"),)

    application_id: Mapped[UUID] = mapped_column(ForeignKey("provider_applications.id"), primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("conformance_runs.id"))
    application_revision: Mapped[int] = mapped_column(default=1, server_default="1")
    endorsed_by: Mapped[UUID]
    endorsed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    approved_by: Mapped[UUID | None]
