"""Changes of what a team may use: proposed by one operator, approved by another."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_miniapps.base import Base
from svc_miniapps.teams.models import Team


class QuotaChangeStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


TRANSITIONS: dict[QuotaChangeStatus, set[QuotaChangeStatus]] = {
    QuotaChangeStatus.PROPOSED: {QuotaChangeStatus.APPROVED, QuotaChangeStatus.REJECTED},
    QuotaChangeStatus.APPROVED: set(),
    QuotaChangeStatus.REJECTED: set(),
}


class TeamQuotaChange(Base):
    """The quotas of a team as they are to be, all of them."""

    __tablename__ = "team_quota_changes"
    __table_args__ = (
        one_of("status", QuotaChangeStatus),
        second_person_check("decided_by", "proposed_by"),
        CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name="decided"),
        Index("uq_team_quota_changes_proposed", "team_id", unique=True, postgresql_where=text("status = 'proposed'")),
        Index("ix_team_quota_changes_status", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id"))
    app_quota: Mapped[int]
    member_quota: Mapped[int]
    upload_quota: Mapped[int]
    storage_quota_mb: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[QuotaChangeStatus] = mapped_column(Text, default=QuotaChangeStatus.PROPOSED)
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    team: Mapped[Team] = relationship(lazy="joined", innerjoin=True)

    def decide(self, status: QuotaChangeStatus, person_id: UUID) -> None:
        self.status = checked_move(TRANSITIONS, QuotaChangeStatus(self.status), status)
        self.decided_by, self.decided_at = person_id, now()
