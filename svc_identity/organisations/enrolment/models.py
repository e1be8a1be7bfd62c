from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_identity.base import Base

PROPOSAL_LIFE = timedelta(days=7)


class ResetStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    """The factors were removed and an enrolment code was issued."""
    REJECTED = "rejected"
    """Or withdrawn by the proposer."""


TRANSITIONS: dict[ResetStatus, set[ResetStatus]] = {
    ResetStatus.PROPOSED: {ResetStatus.APPROVED, ResetStatus.REJECTED},
    ResetStatus.APPROVED: set(),
    ResetStatus.REJECTED: set(),
}


class FactorReset(Base):
    """The factors of a person who lost them are removed: one operator proposes it, another approves."""

    __tablename__ = "factor_resets"
    __table_args__ = (
        one_of("status", ResetStatus),
        second_person_check("decided_by", "proposed_by", unless="status = 'rejected'"),
        CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name="decided"),
        CheckConstraint("person_id <> proposed_by AND person_id <> decided_by", name="other_person"),
        Index("uq_factor_resets_open", "person_id", unique=True, postgresql_where=text("status = 'proposed'")),
        Index("ix_factor_resets_decided_at", "decided_at", postgresql_where=text("status = 'approved'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[ResetStatus] = mapped_column(Text, default=ResetStatus.PROPOSED)
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, wanted: ResetStatus) -> None:
        self.status = checked_move(TRANSITIONS, ResetStatus(self.status), wanted)
