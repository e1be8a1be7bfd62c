"""Rectifications of what was rated badly, with a clock of working days."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_services.base import Base
from svc_services.supervision.clocks import Clocked, clock_checks

LIMIT_DAYS = 15
_RUNNING = text("status = 'open'")


class RectificationStatus(StrEnum):
    OPEN = "open"
    PAUSED = "paused"
    """Its clock stands, such as while parts are awaited; an operator says why."""
    ANSWERED = "answered"
    """The rated have said what was put right; its clock stands."""
    CLOSED = "closed"


_S = RectificationStatus
TRANSITIONS: dict[RectificationStatus, set[RectificationStatus]] = {
    _S.OPEN: {_S.PAUSED, _S.ANSWERED, _S.CLOSED},
    _S.PAUSED: {_S.OPEN, _S.ANSWERED, _S.CLOSED},
    # A call-back that finds nothing put right opens it again, with the days used up so far.
    _S.ANSWERED: {_S.OPEN, _S.ANSWERED, _S.CLOSED},
    _S.CLOSED: set(),
}


class RectificationAction(StrEnum):
    OPEN = "open"
    PAUSE = "pause"
    RESUME = "resume"
    ANSWER = "answer"
    CALL_BACK = "call_back"
    RATE_AGAIN = "rate_again"
    SET_ASIDE = "set_aside"
    """The rating was set aside on appeal."""
    ESCALATE = "escalate"


class CallBack(StrEnum):
    SATISFIED = "satisfied"
    UNSATISFIED = "unsatisfied"
    UNREACHABLE = "unreachable"


class Rectification(Clocked, Base):
    """What the two lowest grades open."""

    __tablename__ = "rectifications"
    __table_args__ = (
        one_of("status", RectificationStatus),
        *clock_checks(),
        UniqueConstraint("rating_id", name="uq_rectifications_rating_id"),
        Index(None, "division_code", "id"),
        Index(None, "provider_id", "id"),
        Index("ix_rectifications_due", "look_at", postgresql_where=_RUNNING),
        Index("ix_rectifications_calendar", "calendar_revision", "id", postgresql_where=_RUNNING),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rating_id: Mapped[UUID] = mapped_column(ForeignKey("ratings.id"))
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    status: Mapped[RectificationStatus] = mapped_column(Text, default=RectificationStatus.OPEN)
    opened_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    closed_at: Mapped[datetime | None] = mapped_column(Timestamp)

    @property
    def runs(self) -> bool:
        return self.status == RectificationStatus.OPEN

    def move_to(self, status: RectificationStatus) -> None:
        self.status = checked_move(TRANSITIONS, RectificationStatus(self.status), status)
        self.closed_at = now() if status == RectificationStatus.CLOSED else None


class RectificationEntry(Base):
    """One step of a rectification, never changed."""

    __tablename__ = "rectification_entries"
    __table_args__ = (
        one_of("action", RectificationAction),
        one_of("outcome", CallBack),
        CheckConstraint("(action = 'call_back') = (outcome IS NOT NULL)", name="called_back"),
        UniqueConstraint("rectification_id", "position", name="uq_rectification_entries_position"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rectification_id: Mapped[UUID] = mapped_column(ForeignKey("rectifications.id"))
    position: Mapped[int]
    action: Mapped[RectificationAction] = mapped_column(Text)
    actor_id: Mapped[UUID | None]
    """NULL for the applicant, who is not named here, and for the clock."""
    outcome: Mapped[CallBack | None] = mapped_column(Text)
    words: Mapped[str | None] = mapped_column(Text)
    taken_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
