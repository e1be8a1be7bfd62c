"""What people do to money by hand: proposed by one operator with a reason, done when another one agrees."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_payments.base import Base


class ActionStatus(StrEnum):
    PROPOSED = "proposed"
    DONE = "done"
    REJECTED = "rejected"


TRANSITIONS: dict[ActionStatus, set[ActionStatus]] = {
    ActionStatus.PROPOSED: {ActionStatus.DONE, ActionStatus.REJECTED},
    ActionStatus.DONE: set(),
    ActionStatus.REJECTED: set(),
}


class ManualAction(Base):
    __tablename__ = "manual_actions"
    __table_args__ = (
        one_of("status", ActionStatus),
        CheckConstraint("length(reason) > 0", name="reason"),
        CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name="decided"),
        # The proposer may withdraw it, and never carry it out alone.
        second_person_check("decided_by", "proposed_by", unless="status <> 'done'"),
        Index("ix_manual_actions_waiting", "id", postgresql_where=text("status = 'proposed'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(Text)
    what: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The action as proposed; ids, codes and figures only."""
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[ActionStatus] = mapped_column(Text, default=ActionStatus.PROPOSED)
    proposed_by: Mapped[str] = mapped_column(Text)
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: ActionStatus) -> None:
        self.status = checked_move(TRANSITIONS, ActionStatus(self.status), status)
