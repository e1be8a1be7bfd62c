"""An app that goes from one team to another."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_miniapps.apps.models import App
from svc_miniapps.base import Base
from svc_miniapps.teams.models import Team


class HandoverStatus(StrEnum):
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    """The other team takes it, and a reviewer has to confirm that it changes its division."""
    COMPLETED = "completed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"


OPEN = (HandoverStatus.PROPOSED, HandoverStatus.ACCEPTED)
TRANSITIONS: dict[HandoverStatus, set[HandoverStatus]] = {
    HandoverStatus.PROPOSED: {
        HandoverStatus.ACCEPTED,
        HandoverStatus.COMPLETED,
        HandoverStatus.DECLINED,
        HandoverStatus.WITHDRAWN,
    },
    HandoverStatus.ACCEPTED: {HandoverStatus.COMPLETED, HandoverStatus.REJECTED, HandoverStatus.WITHDRAWN},
    **{end: set() for end in HandoverStatus if end not in OPEN},
}


class AppHandover(Base):
    """Proposed by a lead of one team, accepted by a lead of the other, confirmed where their divisions differ."""

    __tablename__ = "app_handovers"
    __table_args__ = (
        one_of("status", HandoverStatus),
        second_person_check("accepted_by", "proposed_by"),
        CheckConstraint("confirmed_by NOT IN (proposed_by, accepted_by)", name="third_person"),
        CheckConstraint("from_team_id <> to_team_id", name="teams"),
        Index(
            "uq_app_handovers_open", "app_id", unique=True, postgresql_where=text("status IN ('proposed', 'accepted')")
        ),
        Index("ix_app_handovers_from_team_id", "from_team_id", "id"),
        Index("ix_app_handovers_to_team_id", "to_team_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    from_team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id"))
    to_team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id"))
    status: Mapped[HandoverStatus] = mapped_column(Text, default=HandoverStatus.PROPOSED)
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    accepted_by: Mapped[UUID | None]
    confirmed_by: Mapped[UUID | None]
    """The reviewer, or NULL where the division stays."""
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)
    from_team: Mapped[Team] = relationship(lazy="joined", innerjoin=True, foreign_keys=[from_team_id])
    to_team: Mapped[Team] = relationship(lazy="joined", innerjoin=True, foreign_keys=[to_team_id])

    def move_to(self, status: HandoverStatus) -> None:
        self.status = checked_move(TRANSITIONS, HandoverStatus(self.status), status)
        if status not in OPEN:
            self.ended_at = now()
