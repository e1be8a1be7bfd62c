"""Residents' ratings of apps, with the replies of teams; nothing that is shown of a rating says whose it is."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from kit.approvals import second_person_check
from svc_miniapps.base import Base


class AppRating(Base):
    """A person's one rating of an app. Withdrawn, it keeps neither the person nor the words."""

    __tablename__ = "app_ratings"
    __table_args__ = (
        CheckConstraint("grade BETWEEN 1 AND 5", name="grade"),
        CheckConstraint("(withdrawn_at IS NULL) = (person_id IS NOT NULL)", name="withdrawn"),
        CheckConstraint("hidden_at IS NULL OR hidden_by IS NOT NULL", name="hidden"),
        second_person_check("shown_by", "hidden_by"),
        UniqueConstraint("app_id", "person_id"),
        Index("ix_app_ratings_app_id", "app_id", "id"),
    )

    # Random, as a UUIDv7 would tell the team the second of the rating.
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    person_id: Mapped[UUID | None] = mapped_column(index=True)
    version_code: Mapped[int]
    """That residents had when it was written or changed."""
    grade: Mapped[int]
    """5 is very satisfied, 1 very dissatisfied."""
    words: Mapped[str | None] = mapped_column(Text)
    salt: Mapped[UUID | None] = mapped_column(default=uuid4)
    """Hashed with the words and the person in the audit trail, and erased with them."""
    rated_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    changed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Timestamp)
    hidden_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """An operator has hidden it; it counts in no grade."""
    hidden_by: Mapped[UUID | None]
    hidden_reason: Mapped[str | None] = mapped_column(Text)
    shown_by: Mapped[UUID | None]
    """Another operator who has shown it again."""

    @property
    def counts(self) -> bool:
        return self.withdrawn_at is None and self.hidden_at is None


class AppRatingReply(Base):
    """What the team replies; the newest row of a rating is shown, the others are its history."""

    __tablename__ = "app_rating_replies"
    __table_args__ = (Index("ix_app_rating_replies_rating_id", "rating_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rating_id: Mapped[UUID] = mapped_column(ForeignKey("app_ratings.id"))
    words: Mapped[str] = mapped_column(Text)
    replied_by: Mapped[UUID]
    replied_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class AppRatingReport(Base):
    """Somebody finds that a rating should not be shown; one report of each person."""

    __tablename__ = "app_rating_reports"
    __table_args__ = (
        UniqueConstraint("rating_id", "reported_by"),
        Index("ix_app_rating_reports_open", "rating_id", postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rating_id: Mapped[UUID] = mapped_column(ForeignKey("app_ratings.id"))
    reported_by: Mapped[UUID] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(Text)
    reported_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    closed_at: Mapped[datetime | None] = mapped_column(Timestamp)


class AppGrade(Base):
    """How many ratings of an app count, and their sum. Locked by whatever changes one of them."""

    __tablename__ = "app_grades"
    __table_args__ = (CheckConstraint("ratings >= 0 AND total BETWEEN ratings AND 5 * ratings", name="total"),)

    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    ratings: Mapped[int] = mapped_column(default=0, server_default="0")
    total: Mapped[int] = mapped_column(default=0, server_default="0")
