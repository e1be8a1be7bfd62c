"""What a team says of its app, and who approved it before any code."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, LargeBinary, Sequence, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, deferred, mapped_column, relationship

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_miniapps.apps.models import App
from svc_miniapps.base import Base

filing_numbers = Sequence("filing_numbers", metadata=Base.metadata)


MANIFEST_PERMISSION = "system.permission."
"""Before the name of a permission in a manifest."""


class RegistrationStatus(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


IN_FORCE = (RegistrationStatus.WAITING, RegistrationStatus.APPROVED)
"""Their names are reserved: those under review, and those that were approved."""
TRANSITIONS: dict[RegistrationStatus, set[RegistrationStatus]] = {
    RegistrationStatus.WAITING: {
        RegistrationStatus.APPROVED,
        RegistrationStatus.REJECTED,
        RegistrationStatus.WITHDRAWN,
    },
    **{end: set() for end in RegistrationStatus if end is not RegistrationStatus.WAITING},
}


class AppIcon(Base):
    """An icon by its content; never changed, so that the one that was reviewed is the one that is shown."""

    __tablename__ = "app_icons"

    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    media_type: Mapped[str] = mapped_column(Text)
    side: Mapped[int]
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary, nullable=False))
    uploaded_by: Mapped[UUID]
    uploaded_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class AppRegistration(Base):
    """One submission; a later one that is approved replaces it."""

    __tablename__ = "app_registrations"
    __table_args__ = (
        one_of("status", RegistrationStatus),
        CheckConstraint("(status = 'waiting') = (decided_by IS NULL AND decided_at IS NULL)", name="decided"),
        CheckConstraint("status = 'withdrawn' OR decided_by <> submitted_by", name="second_person"),
        Index("uq_app_registrations_waiting", "app_id", unique=True, postgresql_where=text("status = 'waiting'")),
        Index("ix_app_registrations_status", "status", "id"),
        Index("ix_app_registrations_app_id", "app_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    status: Mapped[RegistrationStatus] = mapped_column(Text, default=RegistrationStatus.WAITING)
    texts: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    """Language, name and description, for each language of the app."""
    icon_sha256: Mapped[str] = mapped_column(Text)
    purposes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    services: Mapped[list[str]] = mapped_column(ARRAY(Text))
    targets: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    """Further platforms than the W3C package for which the app is built."""
    privacy: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    """Each permission and scope with its purpose."""
    flags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Kinds of body that the names sound like."""
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """The apps that may do the same, as they were when it was submitted."""
    submitted_by: Mapped[UUID]
    submitted_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    reason: Mapped[str | None] = mapped_column(Text)

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)

    @property
    def permissions(self) -> frozenset[str]:
        """As a manifest names them."""
        return frozenset(f"{MANIFEST_PERMISSION}{each['permission'].upper()}" for each in self.privacy)

    def decide(self, status: RegistrationStatus, person_id: UUID, reason: str | None = None) -> None:
        self.status = checked_move(TRANSITIONS, RegistrationStatus(self.status), status)
        self.decided_by, self.decided_at, self.reason = person_id, now(), reason


class AppFiling(Base):
    """The filing number of an app, given with its first approval and kept for good."""

    __tablename__ = "app_filings"

    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    number: Mapped[str] = mapped_column(Text, unique=True)
    filed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
