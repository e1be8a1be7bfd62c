"""Fees of applications to providers: what svc_services has quoted, and the bill of each."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from svc_payments.base import Base


class ApplicationFee(Base):
    """A quoted fee. Its applicant alone sees and pays its bill: a new connection has no account yet."""

    __tablename__ = "application_fees"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        CheckConstraint("bill_id = id", name="bill_id"),
        CheckConstraint("settled_at IS NULL OR withdrawn_at IS NOT NULL", name="settled_at"),
        Index(None, "person_id"),
        Index(None, "bill_id"),
        Index(
            "ix_application_fees_returning",
            "id",
            postgresql_where=text("withdrawn_at IS NOT NULL AND settled_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Given by svc_services; its bill has the same, so that a repeated event makes no second one."""
    application_id: Mapped[UUID]
    person_id: Mapped[UUID]
    provider_id: Mapped[UUID]
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    bill_id: Mapped[UUID | None] = mapped_column(ForeignKey("bills.id"))
    """None where the withdrawal was heard of first: then it is never billed."""
    booked_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When its provider first booked all of it."""
    withdrawn_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Replaced by another quote, or its application went on without it: what was paid goes back by itself."""
    settled_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Withdrawn, and nothing is left to return, or its refund has begun."""
    told: Mapped[int] = mapped_column(server_default="0")
    """How many events were published of it; the number orders them."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
