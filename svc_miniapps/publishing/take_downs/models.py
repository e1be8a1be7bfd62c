from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_miniapps.apps.models import App
from svc_miniapps.base import Base


class Kind(StrEnum):
    ORDINARY = "ordinary"
    """Two operators before it has effect."""
    EMERGENCY = "emergency"
    """One operator with effect at once; lapses unless a second one confirms it within a day."""
    TEAM = "team"
    """The team itself, at once."""
    SHUTDOWN = "shutdown"
    """The last day of the app has passed; nobody lifts it."""


class TakeDownStatus(StrEnum):
    PROPOSED = "proposed"
    EMERGENCY = "emergency"
    """Has effect, and waits for the second person."""
    IN_FORCE = "in_force"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    RESTORED = "restored"


TRANSITIONS: dict[TakeDownStatus, set[TakeDownStatus]] = {
    TakeDownStatus.PROPOSED: {TakeDownStatus.IN_FORCE, TakeDownStatus.REJECTED},
    TakeDownStatus.EMERGENCY: {TakeDownStatus.IN_FORCE, TakeDownStatus.REJECTED, TakeDownStatus.LAPSED},
    TakeDownStatus.IN_FORCE: {TakeDownStatus.RESTORED},
    TakeDownStatus.REJECTED: set(),
    TakeDownStatus.LAPSED: set(),
    TakeDownStatus.RESTORED: set(),
}
NOT_OF_OPERATORS = frozenset({Kind.TEAM, Kind.SHUTDOWN})
HAS_EFFECT = frozenset({TakeDownStatus.EMERGENCY, TakeDownStatus.IN_FORCE})


class TakeDown(Base):
    """Why and by whom an app was taken from residents, and how it came back."""

    __tablename__ = "take_downs"
    __table_args__ = (
        one_of("kind", Kind),
        one_of("status", TakeDownStatus),
        second_person_check("confirmed_by", "proposed_by"),
        CheckConstraint("kind = 'team' OR restored_by <> restore_proposed_by", name="second_person_restores"),
        CheckConstraint(
            "kind = 'team' OR status NOT IN ('in_force', 'restored') OR confirmed_by IS NOT NULL", name="confirmed"
        ),
        Index("ix_take_downs_app_id", "app_id", "id"),
        # A team's own one may stand beside one of operators, and neither lifts the other.
        Index(
            "uq_take_downs_app_id_open",
            "app_id",
            "kind",
            unique=True,
            postgresql_where=text("status IN ('proposed', 'emergency', 'in_force')"),
        ),
        Index("ix_take_downs_confirm_by", "confirm_by", postgresql_where=text("status = 'emergency'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    kind: Mapped[Kind] = mapped_column(Text)
    status: Mapped[TakeDownStatus] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    confirm_by: Mapped[datetime | None] = mapped_column(Timestamp)
    """When an emergency lapses without a second person."""
    confirmed_by: Mapped[UUID | None]
    """Who confirmed or rejected it."""
    confirmed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    appeal: Mapped[str | None] = mapped_column(Text)
    appealed_by: Mapped[UUID | None]
    appealed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    restore_proposed_by: Mapped[UUID | None]
    restore_proposed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    restored_by: Mapped[UUID | None]
    restored_at: Mapped[datetime | None] = mapped_column(Timestamp)
    suspended_client: Mapped[bool] = mapped_column(default=False)
    """Whether it suspended the app's client; only then does its end resume it."""

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)

    def move_to(self, status: TakeDownStatus) -> None:
        self.status = checked_move(TRANSITIONS, TakeDownStatus(self.status), status)
