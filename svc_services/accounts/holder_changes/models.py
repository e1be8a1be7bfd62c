"""Reports that an account has changed hands, or has been given up."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_services.base import Base


class ChangeKind(StrEnum):
    NEW_HOLDER = "new_holder"
    ENDED = "ended"
    """The holder gave the account up; nobody has taken it over."""


class HolderChangeStatus(StrEnum):
    PROPOSED = "proposed"
    """By an operator; another one has to approve it."""
    SCHEDULED = "scheduled"
    """Takes effect on its day."""
    DONE = "done"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


TRANSITIONS: dict[HolderChangeStatus, set[HolderChangeStatus]] = {
    HolderChangeStatus.PROPOSED: {
        HolderChangeStatus.SCHEDULED,
        HolderChangeStatus.REJECTED,
        HolderChangeStatus.WITHDRAWN,
    },
    HolderChangeStatus.SCHEDULED: {HolderChangeStatus.DONE, HolderChangeStatus.WITHDRAWN},
    HolderChangeStatus.DONE: set(),
    HolderChangeStatus.REJECTED: set(),
    HolderChangeStatus.WITHDRAWN: set(),
}


class HolderChange(Base):
    """The day until which an account was held by those who have it bound. Reported by its provider, or by operators."""

    __tablename__ = "holder_changes"
    __table_args__ = (
        one_of("kind", ChangeKind),
        one_of("status", HolderChangeStatus),
        second_person_check("decided_by", "proposed_by", unless="status = 'withdrawn'"),
        CheckConstraint(
            "proposed_by IS NULL OR decided_by IS NOT NULL OR status NOT IN ('scheduled', 'done')", name="decided"
        ),
        CheckConstraint("(proposed_by IS NULL) = (reason IS NULL)", name="reason"),
        # A repeated report has no effect.
        Index(
            "uq_holder_changes_day",
            *("provider_id", "account_number", "effective_on"),
            unique=True,
            postgresql_where=text("status IN ('scheduled', 'done')"),
        ),
        Index("ix_holder_changes_due", "effective_on", postgresql_where=text("status = 'scheduled'")),
        Index(None, "provider_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    account_number: Mapped[str] = mapped_column(Text)
    kind: Mapped[ChangeKind] = mapped_column(Text)
    effective_on: Mapped[date]
    status: Mapped[HolderChangeStatus] = mapped_column(Text)
    proposed_by: Mapped[UUID | None]
    """The operator; None for a report of the provider."""
    reason: Mapped[str | None] = mapped_column(Text)
    reported_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    done_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: HolderChangeStatus) -> None:
        self.status = checked_move(TRANSITIONS, HolderChangeStatus(self.status), status)

    def decide(self, status: HolderChangeStatus, operator_id: UUID) -> None:
        self.move_to(status)
        self.decided_by, self.decided_at = operator_id, now()
