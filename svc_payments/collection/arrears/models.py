"""What companies ask for in arrears notices of svc_services, and what was last said of it."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from svc_payments.base import Base


class Arrears(Base):
    """The bills of a notice. Followed until the notice is over."""

    __tablename__ = "arrears"
    __table_args__ = (Index("ix_arrears_followed", "notice_id", postgresql_where=text("closed_at IS NULL")),)

    notice_id: Mapped[UUID] = mapped_column(primary_key=True)
    provider_id: Mapped[UUID]
    account_number: Mapped[str] = mapped_column(Text)
    bill_numbers: Mapped[list[str]] = mapped_column(ARRAY(Text))
    outstanding_fen: Mapped[int | None] = mapped_column(BigInteger)
    """As it was last said; none before it was said at all."""
    being_paid: Mapped[bool] = mapped_column(server_default="false")
    unknown_bills: Mapped[int] = mapped_column(server_default="0")
    overdue_since: Mapped[date | None]
    """As the event has it."""
    told: Mapped[int] = mapped_column(server_default="0")
    """How many events were published of it; the number orders them."""
    closed_at: Mapped[datetime | None] = mapped_column(Timestamp)
