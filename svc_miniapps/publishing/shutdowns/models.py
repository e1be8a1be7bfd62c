"""The announced end of an app: its last day, what happens to data, and where its users go."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_miniapps.apps.models import App
from svc_miniapps.base import Base


class ShutdownStatus(StrEnum):
    PROPOSED = "proposed"
    ANNOUNCED = "announced"
    """Confirmed by a second person; residents read it."""
    WITHDRAWN = "withdrawn"
    ENDED = "ended"
    """The last day has passed; residents have the app no more."""


TRANSITIONS: dict[ShutdownStatus, set[ShutdownStatus]] = {
    ShutdownStatus.PROPOSED: {ShutdownStatus.ANNOUNCED, ShutdownStatus.WITHDRAWN},
    ShutdownStatus.ANNOUNCED: {ShutdownStatus.ENDED, ShutdownStatus.WITHDRAWN},
    ShutdownStatus.WITHDRAWN: set(),
    ShutdownStatus.ENDED: set(),
}


class AppShutdown(Base):
    __tablename__ = "app_shutdowns"
    __table_args__ = (
        one_of("status", ShutdownStatus),
        second_person_check("confirmed_by", "proposed_by"),
        CheckConstraint("status NOT IN ('announced', 'ended') OR confirmed_by IS NOT NULL", name="confirmed"),
        CheckConstraint("redirect_app_id <> app_id", name="redirect"),
        Index(
            "uq_app_shutdowns_app_id_open",
            "app_id",
            unique=True,
            postgresql_where=text("status IN ('proposed', 'announced', 'ended')"),
        ),
        Index("ix_app_shutdowns_app_id", "app_id", "id"),
        Index("ix_app_shutdowns_last_day", "last_day", postgresql_where=text("status = 'announced'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    status: Mapped[ShutdownStatus] = mapped_column(Text, default=ShutdownStatus.PROPOSED)
    last_day: Mapped[date] = mapped_column(Date)
    texts: Mapped[dict[str, str]] = mapped_column(JSONB)
    """By language tag why it ends and what happens to data."""
    redirect_app_id: Mapped[UUID | None] = mapped_column(ForeignKey("apps.id"))
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    confirmed_by: Mapped[UUID | None]
    confirmed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    withdrawn_by: Mapped[UUID | None]
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When it was withdrawn or took effect."""

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True, foreign_keys=[app_id])

    def move_to(self, status: ShutdownStatus) -> None:
        self.status = checked_move(TRANSITIONS, ShutdownStatus(self.status), status)
        if not TRANSITIONS[status]:
            self.ended_at = now()
