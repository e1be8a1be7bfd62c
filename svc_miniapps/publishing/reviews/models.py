from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, deferred, mapped_column, relationship

from chassis.db import Timestamp, new_id, now, one_of
from svc_miniapps.base import Base
from svc_miniapps.publishing.releases.models import Release


class Outcome(StrEnum):
    WAITING = "waiting"
    WITHDRAWN = "withdrawn"
    APPROVED = "approved"
    REJECTED = "rejected"


class Review(Base):
    """One submission of a release and its outcome; each resubmission gets a new one."""

    __tablename__ = "reviews"
    __table_args__ = (
        one_of("outcome", Outcome),
        CheckConstraint("(outcome IN ('approved', 'rejected')) = (reviewer_id IS NOT NULL)", name="reviewer"),
        Index("uq_reviews_release_id_waiting", "release_id", unique=True, postgresql_where=text("outcome = 'waiting'")),
        Index("ix_reviews_waiting", "due_at", "id", postgresql_where=text("outcome = 'waiting'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    release_id: Mapped[UUID] = mapped_column(ForeignKey("releases.id"), index=True)
    outcome: Mapped[Outcome] = mapped_column(Text, default=Outcome.WAITING)
    submitted_by: Mapped[UUID]
    submitted_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    yellow_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When four fifths of the promised working time have passed; empty for reviews older than the column."""
    due_at: Mapped[datetime] = mapped_column(Timestamp)
    claimed_by: Mapped[UUID | None]
    claimed_until: Mapped[datetime | None] = mapped_column(Timestamp)
    reviewer_id: Mapped[UUID | None]
    reviewer_organisation_id: Mapped[UUID | None]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    checklist: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    """What the reviewer has checked, item by item."""
    approved_sha256: Mapped[str | None] = mapped_column(Text)
    """Of the package that was approved; nothing else is published."""
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    release: Mapped[Release] = relationship(lazy="joined", innerjoin=True, back_populates="reviews")


class ReviewFile(Base):
    """A file by its content, for the reasons of one review."""

    __tablename__ = "review_files"

    review_id: Mapped[UUID] = mapped_column(ForeignKey("reviews.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    media_type: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int]
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary, nullable=False))
    uploaded_by: Mapped[UUID]
    uploaded_at: Mapped[datetime] = mapped_column(Timestamp)
