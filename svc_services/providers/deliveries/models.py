"""Deliveries to companies: what happened to a case or a meter of theirs, until received or given up."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.deliveries import DeliveryFault
from kit.leases import Leased
from svc_services.base import Base


class DeliveryKind(StrEnum):
    APPLICATION_SUBMITTED = "application_submitted"
    """The hand-over of a case."""
    APPLICATION_MOVED = "application_moved"
    """A step that somebody else than the company has taken, such as a withdrawal."""
    HOLDER_CHANGE_DONE = "holder_change_done"
    METER_READING_TAKEN = "meter_reading_taken"


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    """A worker is sending it; if its lease runs out before the outcome is recorded, it is sent again."""
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    """The company has not received it in its time."""


TRANSITIONS: dict[DeliveryStatus, set[DeliveryStatus]] = {
    DeliveryStatus.PENDING: {DeliveryStatus.SENDING, DeliveryStatus.GIVEN_UP},
    DeliveryStatus.SENDING: {
        DeliveryStatus.PENDING,
        DeliveryStatus.SENDING,
        DeliveryStatus.DELIVERED,
        DeliveryStatus.GIVEN_UP,
    },
    # Ordered again by hand.
    DeliveryStatus.DELIVERED: {DeliveryStatus.PENDING},
    DeliveryStatus.GIVEN_UP: {DeliveryStatus.PENDING},
}
WAITING = (DeliveryStatus.PENDING, DeliveryStatus.SENDING)
_WAITING = text("status IN ('pending', 'sending')")


class DeliveryEndpoint(Base):
    """How a company's endpoint fares. Its row is locked by whoever leases deliveries of it or records outcomes."""

    __tablename__ = "delivery_endpoints"
    __table_args__ = (
        CheckConstraint("(stalled_at IS NULL) = (probe_at IS NULL)", name="probe_at"),
        CheckConstraint("(paused_at IS NULL) = (paused_by IS NULL)", name="paused"),
        CheckConstraint("failures >= 0 AND probes >= 0", name="counts"),
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    """In a row."""
    failing_since: Mapped[datetime | None] = mapped_column(Timestamp)
    stalled_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Since when one delivery at a time is tried, after too many failures in a row."""
    probes: Mapped[int] = mapped_column(default=0, server_default="0")
    probe_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the next one is tried; during a try, when its lease ends."""
    paused_at: Mapped[datetime | None] = mapped_column(Timestamp)
    paused_by: Mapped[UUID | None]
    """The admin of the company who asked for nothing to be sent."""
    repeated_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When people of the company last ordered everything given up again."""


class Delivery(Leased, Base):
    """What is sent never changes, so that every try of it sends the same."""

    __tablename__ = "deliveries"
    __table_args__ = (
        one_of("status", DeliveryStatus),
        one_of("kind", DeliveryKind),
        CheckConstraint("(status IN ('delivered', 'given_up')) = (settled_at IS NOT NULL)", name="settled_at"),
        Index("uq_deliveries_position", "position", unique=True),
        Index("ix_deliveries_due", "provider_id", "try_at", postgresql_where=_WAITING),
        Index("ix_deliveries_waiting", "subject_id", "position", postgresql_where=_WAITING),
        Index("ix_deliveries_expiring", "give_up_at", postgresql_where=_WAITING),
        Index("ix_deliveries_given_up", "id", postgresql_where=text("status = 'given_up'")),
        Index(None, "provider_id", "id"),
        Index(None, "settled_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    """The order in which those of one subject are sent. It is given while the subject's row is locked."""
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    kind: Mapped[DeliveryKind] = mapped_column(Text)
    subject_id: Mapped[UUID]
    """The case, holder change or reading; of one subject the next waits for the one before."""
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    occurred_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    status: Mapped[DeliveryStatus] = mapped_column(Text, default=DeliveryStatus.PENDING)
    give_up_at: Mapped[datetime] = mapped_column(Timestamp)
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    """Since it was written or last ordered again: the pauses grow with them."""
    repeated_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When people of the company last ordered it again."""
    settled_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: DeliveryStatus) -> None:
        self.status = checked_move(TRANSITIONS, DeliveryStatus(self.status), status)


class DeliveryAttempt(Base):
    """The log: what came of one try."""

    __tablename__ = "delivery_attempts"
    __table_args__ = (
        one_of("fault", DeliveryFault),
        CheckConstraint("milliseconds >= 0", name="milliseconds"),
        Index(None, "delivery_id", "id"),
        Index(None, "began_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey(Delivery.id, ondelete="CASCADE"))
    number: Mapped[int]
    began_at: Mapped[datetime] = mapped_column(Timestamp)
    milliseconds: Mapped[int]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    fault: Mapped[DeliveryFault | None] = mapped_column(Text)
    """None: the company has received it."""
    answer: Mapped[str | None] = mapped_column(Text)
    """The code of the answer, if it is a plain word; sentences may say anything, and are not kept."""
