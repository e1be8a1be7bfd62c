from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Date, ForeignKey, Index, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_miniapps.base import Base


class ListStatus(StrEnum):
    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"


TRANSITIONS: dict[ListStatus, set[ListStatus]] = {
    ListStatus.PROPOSED: {ListStatus.IN_FORCE, ListStatus.REJECTED, ListStatus.WITHDRAWN},
    ListStatus.IN_FORCE: {ListStatus.REPLACED},
    **{end: set() for end in (ListStatus.REJECTED, ListStatus.WITHDRAWN, ListStatus.REPLACED)},
}
ENDED = {ListStatus.REJECTED, ListStatus.WITHDRAWN, ListStatus.REPLACED}


class RecommendedList(Base):
    """The apps that a division recommends, in its order: chosen by people, never counted or paid for."""

    __tablename__ = "recommended_lists"
    __table_args__ = (
        one_of("status", ListStatus),
        second_person_check("decided_by", "proposed_by"),
        CheckConstraint("valid_from <= valid_until", name="validity"),
        CheckConstraint("cardinality(app_ids) <= 20", name="length"),
        Index(
            "uq_recommended_lists_proposed",
            "division_code",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index(
            "uq_recommended_lists_in_force",
            "division_code",
            unique=True,
            postgresql_where=text("status = 'in_force'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    division_code: Mapped[str] = mapped_column(Text, ForeignKey("divisions.code"))
    status: Mapped[ListStatus] = mapped_column(Text, default=ListStatus.PROPOSED)
    reason: Mapped[str] = mapped_column(Text)
    app_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    valid_from: Mapped[date] = mapped_column(Date)
    valid_until: Mapped[date] = mapped_column(Date)
    """Its last day, in China."""
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: ListStatus) -> None:
        self.status = checked_move(TRANSITIONS, ListStatus(self.status), status)
        if status in ENDED:
            self.ended_at = now()
