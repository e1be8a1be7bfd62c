from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_identity.base import Base


class ClosureStatus(StrEnum):
    REQUESTED = "requested"
    CANCELLED = "cancelled"
    CLOSED = "closed"


TRANSITIONS: dict[ClosureStatus, set[ClosureStatus]] = {
    ClosureStatus.REQUESTED: {ClosureStatus.CANCELLED, ClosureStatus.CLOSED},
    ClosureStatus.CANCELLED: set(),
    ClosureStatus.CLOSED: set(),
}


class Closure(Base):
    """A person's request to close their account."""

    __tablename__ = "closures"
    __table_args__ = (
        one_of("status", ClosureStatus),
        CheckConstraint("(status = 'requested') = (ended_at IS NULL)", name="ended"),
        Index("uq_closures_requested", "person_id", unique=True, postgresql_where=text("status = 'requested'")),
        Index("ix_closures_closes_at", "closes_at", postgresql_where=text("status = 'requested'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    status: Mapped[ClosureStatus] = mapped_column(Text, default=ClosureStatus.REQUESTED)
    requested_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    closes_at: Mapped[datetime] = mapped_column(Timestamp)
    """When the cooling-off period ends."""
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: ClosureStatus) -> None:
        self.status = checked_move(TRANSITIONS, ClosureStatus(self.status), status)
        self.ended_at = now()


class OpenPayment(Base):
    """A payment of a person that is under way in svc_payments, from its events."""

    __tablename__ = "open_payments"

    payment_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(index=True)
    status: Mapped[str] = mapped_column(Text)
