"""Supervision orders on cases and complaints, and each word that was exchanged about one."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_services.base import Base
from svc_services.supervision.clocks import Clocked, clock_checks

_WAITING = text("status IN ('open', 'returned')")


class Addressee(StrEnum):
    PROVIDER = "provider"
    CLERK = "clerk"


class OrderStatus(StrEnum):
    OPEN = "open"
    REPLIED = "replied"
    RETURNED = "returned"
    """The reply was not enough; another one is due."""
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


TRANSITIONS: dict[OrderStatus, set[OrderStatus]] = {
    OrderStatus.OPEN: {OrderStatus.REPLIED, OrderStatus.WITHDRAWN},
    OrderStatus.REPLIED: {OrderStatus.RETURNED, OrderStatus.ACCEPTED, OrderStatus.WITHDRAWN},
    OrderStatus.RETURNED: {OrderStatus.REPLIED, OrderStatus.WITHDRAWN},
    OrderStatus.ACCEPTED: set(),
    OrderStatus.WITHDRAWN: set(),
}


class OrderAction(StrEnum):
    ISSUE = "issue"
    REPLY = "reply"
    RETURN = "return"
    ACCEPT = "accept"
    WITHDRAW = "withdraw"
    ESCALATE = "escalate"
    """By the clock: a reply is overdue."""


class SupervisionOrder(Clocked, Base):
    """An operator wants an answer about a case or a complaint, from its provider or a clerk, within working days."""

    __tablename__ = "supervision_orders"
    __table_args__ = (
        one_of("addressee", Addressee),
        one_of("status", OrderStatus),
        CheckConstraint("(addressee = 'clerk') = (clerk_id IS NOT NULL)", name="clerk"),
        CheckConstraint("clerk_id <> issued_by", name="second_person"),
        CheckConstraint("num_nonnulls(application_id, complaint_id) = 1", name="subject"),
        *clock_checks(),
        Index(None, "division_code", "id"),
        Index(None, "provider_id", "id"),
        Index(None, "clerk_id", "id", postgresql_where=text("clerk_id IS NOT NULL")),
        Index(None, "application_id"),
        Index(None, "complaint_id"),
        Index("ix_supervision_orders_due", "look_at", postgresql_where=_WAITING),
        Index("ix_supervision_orders_calendar", "calendar_revision", "id", postgresql_where=_WAITING),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    application_id: Mapped[UUID | None] = mapped_column(ForeignKey("applications.id"))
    complaint_id: Mapped[UUID | None] = mapped_column(ForeignKey("complaints.id"))
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    addressee: Mapped[Addressee] = mapped_column(Text)
    clerk_id: Mapped[UUID | None]
    issued_by: Mapped[UUID]
    issued_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    status: Mapped[OrderStatus] = mapped_column(Text, default=OrderStatus.OPEN)

    @property
    def runs(self) -> bool:
        return self.status in {OrderStatus.OPEN, OrderStatus.RETURNED}

    def move_to(self, status: OrderStatus) -> None:
        self.status = checked_move(TRANSITIONS, OrderStatus(self.status), status)


class SupervisionOrderEntry(Base):
    """One step of an order, never changed."""

    __tablename__ = "supervision_order_entries"
    __table_args__ = (
        one_of("action", OrderAction),
        CheckConstraint("(action = 'escalate') = (actor_id IS NULL)", name="actor_id"),
        UniqueConstraint("order_id", "position", name="uq_supervision_order_entries_position"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("supervision_orders.id"))
    position: Mapped[int]
    action: Mapped[OrderAction] = mapped_column(Text)
    actor_id: Mapped[UUID | None]
    words: Mapped[str | None] = mapped_column(Text)
    taken_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
