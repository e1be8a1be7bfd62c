"""Ends of bindings that two operators order, where neither its person nor its provider does."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_services.base import Base


class BindingEndStatus(StrEnum):
    PROPOSED = "proposed"
    DONE = "done"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


TRANSITIONS: dict[BindingEndStatus, set[BindingEndStatus]] = {
    BindingEndStatus.PROPOSED: {BindingEndStatus.DONE, BindingEndStatus.REJECTED, BindingEndStatus.WITHDRAWN},
    BindingEndStatus.DONE: set(),
    BindingEndStatus.REJECTED: set(),
    BindingEndStatus.WITHDRAWN: set(),
}


class BindingEnd(Base):
    __tablename__ = "binding_ends"
    __table_args__ = (
        one_of("status", BindingEndStatus),
        second_person_check("decided_by", "proposed_by", unless="status = 'withdrawn'"),
        CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name="decided"),
        Index("uq_binding_ends_proposed", "binding_id", unique=True, postgresql_where=text("status = 'proposed'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    binding_id: Mapped[UUID] = mapped_column(ForeignKey("account_bindings.id"))
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[BindingEndStatus] = mapped_column(Text, default=BindingEndStatus.PROPOSED)
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def decide(self, status: BindingEndStatus, operator_id: UUID) -> None:
        self.status = checked_move(TRANSITIONS, BindingEndStatus(self.status), status)
        self.decided_by, self.decided_at = operator_id, now()
