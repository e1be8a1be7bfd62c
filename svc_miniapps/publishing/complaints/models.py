"""What residents complain about in an app; its team never learns who they are unless they say so."""

from datetime import date, datetime
from enum import StrEnum
from secrets import token_urlsafe
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Sequence, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_miniapps.apps.models import App
from svc_miniapps.base import Base

complaint_numbers = Sequence("app_complaint_numbers", metadata=Base.metadata)


class ComplaintKind(StrEnum):
    FAULT = "fault"
    CONTENT = "content"
    PRIVACY = "privacy"
    COMMERCE = "commerce"
    """Charges, advertising, points or check-ins."""
    OTHER = "other"


class AppComplaintStatus(StrEnum):
    OPEN = "open"
    ESCALATED = "escalated"
    """The team has not answered in time: operators see it, and decide if it stays so."""
    ANSWERED = "answered"
    APPEALED = "appealed"
    """The answer does not satisfy; operators decide."""
    DECIDED = "decided"


TRANSITIONS: dict[AppComplaintStatus, set[AppComplaintStatus]] = {
    AppComplaintStatus.OPEN: {AppComplaintStatus.ANSWERED, AppComplaintStatus.ESCALATED},
    AppComplaintStatus.ESCALATED: {AppComplaintStatus.ANSWERED, AppComplaintStatus.DECIDED},
    AppComplaintStatus.ANSWERED: {AppComplaintStatus.APPEALED},
    AppComplaintStatus.APPEALED: {AppComplaintStatus.DECIDED},
    AppComplaintStatus.DECIDED: set(),
}


class AppComplaint(Base):
    __tablename__ = "app_complaints"
    __table_args__ = (
        one_of("kind", ComplaintKind),
        one_of("status", AppComplaintStatus),
        CheckConstraint("NOT contact_shared OR contact IS NOT NULL OR words IS NULL", name="contact"),
        CheckConstraint("decided_by <> person_id AND answered_by <> person_id", name="second_person"),
        Index(
            "uq_app_complaints_open",
            "app_id",
            "person_id",
            unique=True,
            postgresql_where=text("status IN ('open', 'escalated', 'appealed')"),
        ),
        Index("ix_app_complaints_app_id", "app_id", "id"),
        Index("ix_app_complaints_person_id", "person_id", "id"),
        Index("ix_app_complaints_due_on", "due_on", postgresql_where=text("status = 'open'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(Text, unique=True)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    person_id: Mapped[UUID | None]
    """Erased with the account, as the words and the contact are."""
    kind: Mapped[ComplaintKind] = mapped_column(Text)
    words: Mapped[str | None] = mapped_column(Text)
    contact: Mapped[str | None] = mapped_column(Text)
    contact_shared: Mapped[bool]
    """Whether the team sees the contact too."""
    salt: Mapped[str | None] = mapped_column(Text, default=lambda: token_urlsafe(16))
    """Erased with what it is hashed with in the trail."""
    status: Mapped[AppComplaintStatus] = mapped_column(Text, default=AppComplaintStatus.OPEN)
    filed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    due_on: Mapped[date] = mapped_column(Date)
    """The last day in China for the team's answer."""
    escalated_at: Mapped[datetime | None] = mapped_column(Timestamp)
    answer: Mapped[str | None] = mapped_column(Text)
    answered_by: Mapped[UUID | None]
    answered_at: Mapped[datetime | None] = mapped_column(Timestamp)
    appeal: Mapped[str | None] = mapped_column(Text)
    appealed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    decision: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)

    def move_to(self, status: AppComplaintStatus) -> None:
        self.status = checked_move(TRANSITIONS, AppComplaintStatus(self.status), status)
