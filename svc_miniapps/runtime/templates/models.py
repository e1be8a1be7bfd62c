from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_miniapps.apps.models import App
from svc_miniapps.base import Base


class TemplateStatus(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    RETIRED = "retired"
    """Nothing more is sent by it."""


TRANSITIONS: dict[TemplateStatus, set[TemplateStatus]] = {
    TemplateStatus.WAITING: {TemplateStatus.APPROVED, TemplateStatus.REJECTED, TemplateStatus.WITHDRAWN},
    TemplateStatus.APPROVED: {TemplateStatus.RETIRED},
    TemplateStatus.REJECTED: set(),
    TemplateStatus.WITHDRAWN: set(),
    TemplateStatus.RETIRED: set(),
}


class FieldKind(StrEnum):
    WORD = "word"
    """A few words in one line; no address, no phone number."""
    CODE = "code"
    """Letters, digits and hyphens, such as the number of an application."""
    NUMBER = "number"
    AMOUNT = "amount"
    """Yuan with two decimals."""
    DATE = "date"
    TIME = "time"


class MessageTemplate(Base):
    """What an app may send residents, as a reviewer approved it. Only its status changes."""

    __tablename__ = "message_templates"
    __table_args__ = (
        one_of("status", TemplateStatus),
        CheckConstraint("(status = 'waiting') = (decided_by IS NULL AND decided_at IS NULL)", name="decided"),
        CheckConstraint("status = 'withdrawn' OR decided_by <> submitted_by", name="second_person"),
        CheckConstraint("(status = 'retired') = (retired_by IS NOT NULL AND retired_at IS NOT NULL)", name="retired"),
        Index("ix_message_templates_app_id", "app_id", "id"),
        Index("ix_message_templates_status", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    fields: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    texts: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """For each language a title, and a label for each field."""
    page: Mapped[str | None] = mapped_column(Text)
    """Of the app, which the message opens."""
    status: Mapped[TemplateStatus] = mapped_column(Text, default=TemplateStatus.WAITING)
    submitted_by: Mapped[UUID]
    submitted_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    reason: Mapped[str | None] = mapped_column(Text)
    """Of a rejection."""
    retired_by: Mapped[UUID | None]
    retired_at: Mapped[datetime | None] = mapped_column(Timestamp)

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)

    def decide(self, status: TemplateStatus, person_id: UUID, reason: str | None = None) -> None:
        self.move_to(status)
        self.decided_by, self.decided_at, self.reason = person_id, now(), reason

    def retire(self, person_id: UUID) -> None:
        self.move_to(TemplateStatus.RETIRED)
        self.retired_by, self.retired_at = person_id, now()

    def move_to(self, status: TemplateStatus) -> None:
        self.status = checked_move(TRANSITIONS, TemplateStatus(self.status), status)
