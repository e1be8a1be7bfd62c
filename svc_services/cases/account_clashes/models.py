"""Numbers that a company opened for an applicant although somebody else holds them; operators find out why."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_services.base import Base


class ClashStatus(StrEnum):
    OPEN = "open"
    BOUND = "bound"
    """The number was free by then, and is the applicant's."""
    DISMISSED = "dismissed"
    """The number is not the applicant's."""


TRANSITIONS: dict[ClashStatus, set[ClashStatus]] = {
    ClashStatus.OPEN: {ClashStatus.BOUND, ClashStatus.DISMISSED},
    ClashStatus.BOUND: set(),
    ClashStatus.DISMISSED: set(),
}


class AccountClash(Base):
    """The number stands in the case and in the binding, where each is erased in its time."""

    __tablename__ = "account_clashes"
    __table_args__ = (
        one_of("status", ClashStatus),
        CheckConstraint("(status = 'open') = (num_nulls(closed_by, closed_at, reason) = 3)", name="closed"),
        CheckConstraint("status = 'open' OR num_nulls(closed_by, closed_at, reason) = 0", name="closed_whole"),
        Index("uq_account_clashes_open", "application_id", unique=True, postgresql_where=text("status = 'open'")),
        Index(None, "provider_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    binding_id: Mapped[UUID] = mapped_column(ForeignKey("account_bindings.id"))
    """By which the number is somebody else's."""
    status: Mapped[ClashStatus] = mapped_column(Text, default=ClashStatus.OPEN)
    found_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    closed_by: Mapped[UUID | None]
    closed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    reason: Mapped[str | None] = mapped_column(Text)

    def close(self, status: ClashStatus, operator_id: UUID, reason: str) -> None:
        self.status = checked_move(TRANSITIONS, ClashStatus(self.status), status)
        self.closed_by, self.closed_at, self.reason = operator_id, now(), reason
