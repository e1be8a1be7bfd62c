"""Ratings of cases, by stage. A rating has no column that names the rater: the case does."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_services.base import Base
from svc_services.cases.workflows.models import ApplicationKind


class Stage(StrEnum):
    ACCEPTANCE = "acceptance"
    """Somebody has taken the first step of the office or the provider."""
    CONCLUSION = "conclusion"


class Tag(StrEnum):
    FAST = "fast"
    CLEAR = "clear"
    FRIENDLY = "friendly"
    SLOW = "slow"
    UNCLEAR = "unclear"
    UNFRIENDLY = "unfriendly"
    REPEATED_VISITS = "repeated_visits"
    EXTRA_MATERIALS = "extra_materials"
    WRONG_FEE = "wrong_fee"
    POOR_WORK = "poor_work"


BAD = 2
"""This grade and the one below open a rectification."""


class RatingRequest(Base):
    """The applicant was asked once to rate a stage."""

    __tablename__ = "rating_requests"
    __table_args__ = (one_of("stage", Stage),)

    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"), primary_key=True)
    stage: Mapped[Stage] = mapped_column(Text, primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class Rating(Base):
    """The applicant's rating of a stage; the second round follows a rectification."""

    __tablename__ = "ratings"
    __table_args__ = (
        one_of("stage", Stage),
        one_of("kind", ApplicationKind),
        CheckConstraint("grade BETWEEN 1 AND 5", name="grade"),
        CheckConstraint("round IN (1, 2)", name="round"),
        UniqueConstraint("application_id", "stage", "round", name="uq_ratings_round"),
        Index(None, "division_code", "id"),
        Index(None, "provider_id", "id"),
        Index("ix_ratings_standing", "rated_at", postgresql_where=text("set_aside_at IS NULL")),
    )

    # Random, as a UUIDv7 would tell the rated the second of the rating.
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    kind: Mapped[ApplicationKind] = mapped_column(Text)
    stage: Mapped[Stage] = mapped_column(Text)
    round: Mapped[int]
    grade: Mapped[int]
    """5 is very satisfied, 1 very dissatisfied."""
    tags: Mapped[list[str]] = mapped_column(JSONB)
    words: Mapped[str | None] = mapped_column(Text)
    salt: Mapped[UUID | None] = mapped_column(default=uuid4)
    """Hashed with the words in the audit trail, and erased with them."""
    rated_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    set_aside_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """An appeal was upheld; it counts in no figure."""


class AppealStatus(StrEnum):
    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


APPEAL_TRANSITIONS: dict[AppealStatus, set[AppealStatus]] = {
    AppealStatus.OPEN: {AppealStatus.UPHELD, AppealStatus.DISMISSED},
    AppealStatus.UPHELD: set(),
    AppealStatus.DISMISSED: set(),
}


class RatingAppeal(Base):
    """The rated object to a rating, once."""

    __tablename__ = "rating_appeals"
    __table_args__ = (
        one_of("status", AppealStatus),
        CheckConstraint("decided_by <> appealed_by", name="second_person"),
        CheckConstraint("(status = 'open') = (decided_at IS NULL)", name="decided"),
        UniqueConstraint("rating_id", name="uq_rating_appeals_rating_id"),
        Index(None, "division_code", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rating_id: Mapped[UUID] = mapped_column(ForeignKey("ratings.id"))
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[AppealStatus] = mapped_column(Text, default=AppealStatus.OPEN)
    appealed_by: Mapped[UUID]
    appealed_role: Mapped[str] = mapped_column(Text)
    appealed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    decision_reason: Mapped[str | None] = mapped_column(Text)

    def decide(self, status: AppealStatus, by: UUID, reason: str) -> None:
        self.status = checked_move(APPEAL_TRANSITIONS, AppealStatus(self.status), status)
        self.decided_by, self.decided_at, self.decision_reason = by, now(), reason
