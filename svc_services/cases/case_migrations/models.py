"""Migrations of running cases to another version of their workflow, and the cases that they moved."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_services.base import Base


class MigrationStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


TRANSITIONS: dict[MigrationStatus, set[MigrationStatus]] = {
    MigrationStatus.PROPOSED: {MigrationStatus.APPROVED, MigrationStatus.REJECTED},
    MigrationStatus.APPROVED: set(),
    MigrationStatus.REJECTED: set(),
}


class CaseMigration(Base):
    """One operator's proposal to move the open cases of one version of a workflow to another, approved by a second."""

    __tablename__ = "case_migrations"
    __table_args__ = (
        one_of("status", MigrationStatus),
        second_person_check("decided_by", "proposed_by", unless="status = 'rejected'"),
        CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name="decided"),
        CheckConstraint("from_workflow_id <> to_workflow_id", name="other_version"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    from_workflow_id: Mapped[UUID] = mapped_column(ForeignKey("workflows.id"))
    to_workflow_id: Mapped[UUID] = mapped_column(ForeignKey("workflows.id"))
    state_names: Mapped[dict[str, str | None]] = mapped_column(JSONB)
    """States that are called otherwise in the target; of those with null, cases stay where they are."""
    reason: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """In four languages: whose promised day moves reads it."""
    status: Mapped[MigrationStatus] = mapped_column(Text, default=MigrationStatus.PROPOSED)
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def decide(self, status: MigrationStatus, by: UUID) -> None:
        self.status = checked_move(TRANSITIONS, MigrationStatus(self.status), status)
        self.decided_by, self.decided_at = by, now()


class MigratedCase(Base):
    """What a migration did to a case, never changed."""

    __tablename__ = "migrated_cases"
    __table_args__ = (
        UniqueConstraint("application_id", "position", name="uq_migrated_cases_position"),
        Index(None, "migration_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    migration_id: Mapped[UUID] = mapped_column(ForeignKey("case_migrations.id"))
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    position: Mapped[int]
    """Of its step: those before it were taken by the version that the case left."""
    from_state: Mapped[str] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    consumed_days: Mapped[int]
    """Working days that were used up, before and after."""
    promised_before: Mapped[date | None]
    promised_after: Mapped[date | None]
    moved_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
