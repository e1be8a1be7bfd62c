"""Orders that the servers of mini-apps create for a payee, and that one resident confirms in the residents' app.

Each payment of an order makes a bill of its own, which ends with that payment: money that comes after it was given up
finds no bill and goes back by itself.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, false, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from chassis.problems import checked_move
from svc_payments.base import Base
from svc_payments.billing.payees.models import Payee


class OrderStatus(StrEnum):
    OPEN = "open"
    """Its resident may pay it."""
    PAYING = "paying"
    """A payment is under way; no second one may begin."""
    PAID = "paid"
    """The money is booked for the payee."""
    REFUNDED = "refunded"
    """All of it went back."""
    CLOSED = "closed"
    """By its server, or because the app or the payee may not collect any more."""
    EXPIRED = "expired"


TRANSITIONS: dict[OrderStatus, set[OrderStatus]] = {
    OrderStatus.OPEN: {OrderStatus.PAYING, OrderStatus.CLOSED, OrderStatus.EXPIRED},
    OrderStatus.PAYING: {
        *(OrderStatus.OPEN, OrderStatus.CLOSED, OrderStatus.EXPIRED),
        *(OrderStatus.PAID, OrderStatus.REFUNDED),
    },
    OrderStatus.PAID: {OrderStatus.REFUNDED},
    OrderStatus.REFUNDED: set(),
    OrderStatus.CLOSED: set(),
    OrderStatus.EXPIRED: set(),
}
UNPAID = (OrderStatus.OPEN, OrderStatus.PAYING)
ENDED_UNPAID = (OrderStatus.CLOSED, OrderStatus.EXPIRED)


class AppOrder(Base):
    __tablename__ = "app_orders"
    __table_args__ = (
        one_of("status", OrderStatus),
        CheckConstraint("amount_fen BETWEEN 1 AND 100000000", name="amount_fen"),
        CheckConstraint("(status IN ('paying', 'paid', 'refunded')) = (payment_id IS NOT NULL)", name="payment_id"),
        CheckConstraint("payment_id IS NULL OR person_id IS NOT NULL", name="person_id"),
        UniqueConstraint("app_id", "order_number"),
        Index(None, "app_id", "changed_at"),
        Index(None, "person_id", "id"),
        Index("ix_app_orders_unpaid", "expires_at", postgresql_where=text("status IN ('open', 'paying')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID]
    order_number: Mapped[str] = mapped_column(Text)
    """The app's own."""
    payee_id: Mapped[UUID] = mapped_column(ForeignKey(Payee.id))
    purpose: Mapped[str] = mapped_column(Text)
    openid: Mapped[UUID]
    """The resident, by the name that this app alone has for them."""
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    description: Mapped[dict[str, str]] = mapped_column(JSONB)
    status: Mapped[OrderStatus] = mapped_column(Text, default=OrderStatus.OPEN)
    person_id: Mapped[UUID | None]
    """Whom the openid names, known once they have opened it."""
    # Payments have no reference to this: an order can be paid anew after a payment that came to nothing.
    payment_id: Mapped[UUID | None] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    closing: Mapped[bool] = mapped_column(default=False, server_default=false())
    """It closes once its payment at the channel has come to nothing."""
    changed_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())

    def move_to(self, status: OrderStatus) -> None:
        self.status = checked_move(TRANSITIONS, OrderStatus(self.status), status)


class AppOrderRefund(Base):
    """A refund by the number that the app gave it."""

    __tablename__ = "app_order_refunds"
    __table_args__ = (CheckConstraint("amount_fen > 0", name="amount_positive"), Index(None, "order_id"))

    app_id: Mapped[UUID] = mapped_column(primary_key=True)
    refund_number: Mapped[str] = mapped_column(Text, primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey(AppOrder.id))
    refund_id: Mapped[UUID] = mapped_column(ForeignKey("refunds.id"), unique=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
