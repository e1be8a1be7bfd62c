"""The log of the calendar: each change is proposed by one operator and approved by another."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_services.base import Base


class CalendarChangeStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


TRANSITIONS: dict[CalendarChangeStatus, set[CalendarChangeStatus]] = {
    CalendarChangeStatus.PROPOSED: {CalendarChangeStatus.APPROVED, CalendarChangeStatus.REJECTED},
    CalendarChangeStatus.APPROVED: set(),
    CalendarChangeStatus.REJECTED: set(),
}


class CalendarChange(Base):
    """A change of some days of one year."""

    __tablename__ = "calendar_changes"
    __table_args__ = (
        one_of("status", CalendarChangeStatus),
        second_person_check("decided_by", "proposed_by", unless="status = 'rejected'"),
        CheckConstraint("(status = 'approved') = (revision IS NOT NULL)", name="revision"),
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        UniqueConstraint("revision", name="uq_calendar_changes_revision"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    revision: Mapped[int | None]
    """Counts the approved changes: the revision of the calendar."""
    year: Mapped[int]
    days: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    completes_year: Mapped[bool]
    """The year has all its holidays and make-up days from then on."""
    reason: Mapped[dict[str, str]] = mapped_column(JSONB)
    """In four languages: whoever waits for a promised day reads it."""
    status: Mapped[CalendarChangeStatus] = mapped_column(Text, default=CalendarChangeStatus.PROPOSED)
    proposed_by: Mapped[UUID | None]
    """NULL for what the starter loads."""
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def decide(self, status: CalendarChangeStatus, by: UUID | None) -> None:
        self.status = checked_move(TRANSITIONS, CalendarChangeStatus(self.status), status)
        self.decided_by, self.decided_at = by, now()
