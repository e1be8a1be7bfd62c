from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_miniapps.apps.models import App
from svc_miniapps.base import Base
from svc_miniapps.packages.models import Package

if TYPE_CHECKING:
    from svc_miniapps.publishing.reviews.models import Review


class Status(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    GRAY = "gray"
    """Some persons have it, the others have the published one."""
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    """Taken back from its gray release."""
    SUPERSEDED = "superseded"
    """Another release was published in its place; one of the last five can be published again."""


TRANSITIONS: dict[Status, set[Status]] = {
    Status.DRAFT: {Status.SUBMITTED},
    Status.SUBMITTED: {Status.DRAFT, Status.APPROVED, Status.REJECTED},
    # Approved and kept back: the team publishes it, or withdraws it for another version.
    Status.APPROVED: {Status.DRAFT, Status.GRAY, Status.PUBLISHED},
    # The same package again, when the fault was in the app's description.
    Status.REJECTED: {Status.SUBMITTED},
    Status.GRAY: {Status.PUBLISHED, Status.WITHDRAWN},
    Status.PUBLISHED: {Status.SUPERSEDED},
    Status.WITHDRAWN: set(),
    Status.SUPERSEDED: {Status.PUBLISHED},
}


class Release(Base):
    """One package on its way to residents, with the app's description as the reviewer reads it."""

    __tablename__ = "releases"
    __table_args__ = (
        one_of("status", Status),
        # One release of an app at a time is under review, waits to be published or is gray: none overtakes another.
        Index(
            "uq_releases_app_id_open",
            "app_id",
            unique=True,
            postgresql_where=text("status IN ('submitted', 'approved', 'gray')"),
        ),
        Index("ix_releases_app_id", "app_id", "id"),
        Index("ix_releases_published_at", "app_id", "published_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    package_id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"), unique=True)
    status: Mapped[Status] = mapped_column(Text, default=Status.DRAFT)
    category: Mapped[str] = mapped_column(Text, ForeignKey("categories.code"))
    short_description: Mapped[str] = mapped_column(Text)
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text))
    publish_on_approval: Mapped[bool] = mapped_column(default=True)
    published_at: Mapped[datetime | None] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    revision: Mapped[int] = mapped_column()

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)
    package: Mapped[Package] = relationship(lazy="joined", innerjoin=True)
    reviews: Mapped[list["Review"]] = relationship(lazy="selectin", back_populates="release", order_by="Review.id")

    # SQLAlchemy counts `revision` up with every change; it is the ETag.
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - declared for instances by SQLAlchemy

    def move_to(self, status: Status) -> None:
        self.status = checked_move(TRANSITIONS, Status(self.status), status)

    def describe(self) -> None:
        """Copy the app's current description."""
        self.category = self.app.category
        self.short_description = self.app.short_description
        self.languages = list(self.app.languages)
