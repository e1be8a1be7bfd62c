"""Bills as their providers send them, one row each, and the versions that were replaced."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, one_of
from chassis.problems import checked_move
from svc_payments.base import Base

Quantity = Numeric(12, 3)
"""Cubic metres, kilowatt-hours, gigajoules or square metres, as the provider's tariff says."""


class BillStatus(StrEnum):
    DUE = "due"
    PAYING = "paying"
    """A payment is open; no second one may begin and the provider cannot amend."""
    PAID = "paid"
    POSTED = "posted"
    """The provider has booked the payment on the account."""


TRANSITIONS: dict[BillStatus, set[BillStatus]] = {
    BillStatus.DUE: {BillStatus.PAYING},
    BillStatus.PAYING: {BillStatus.DUE, BillStatus.PAID},
    BillStatus.PAID: {BillStatus.POSTED},
    BillStatus.POSTED: set(),
}


class Bill(Base):
    """The newest version of a bill.

    `provider_id` and `bill_file_id` have no foreign key: a file of a million rows would pay a lookup for each of them
    to confirm two values that its own transaction has just written or read. Neither table's rows are ever deleted.
    """

    __tablename__ = "bills"
    __table_args__ = (
        UniqueConstraint("provider_id", "bill_number"),
        # An account's bills, newest first, whatever the size of the table.
        Index(None, "provider_id", "account_number", "id"),
        one_of("status", BillStatus),
        CheckConstraint("amount_fen BETWEEN 1 AND 100000000", name="amount_fen"),
    )

    # PostgreSQL makes the id, so that COPY need not carry it.
    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    provider_id: Mapped[UUID]
    bill_number: Mapped[str] = mapped_column(Text)
    account_number: Mapped[str] = mapped_column(Text)
    period: Mapped[date]
    """The first day of the billed month."""
    usage: Mapped[Decimal] = mapped_column(Quantity)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    due_date: Mapped[date]
    meter_from: Mapped[Decimal | None] = mapped_column(Quantity)
    meter_to: Mapped[Decimal | None] = mapped_column(Quantity)
    status: Mapped[BillStatus] = mapped_column(Text, server_default=BillStatus.DUE)
    version: Mapped[int] = mapped_column(server_default="1")
    bill_file_id: Mapped[UUID]
    """The file that brought this version."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())

    def move_to(self, status: BillStatus) -> None:
        self.status = checked_move(TRANSITIONS, BillStatus(self.status), status)


class BillVersion(Base):
    """What a bill said before it was amended; only ever added to, which the database enforces."""

    __tablename__ = "bill_versions"

    bill_id: Mapped[UUID] = mapped_column(ForeignKey("bills.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_number: Mapped[str] = mapped_column(Text)
    period: Mapped[date]
    usage: Mapped[Decimal] = mapped_column(Quantity)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    due_date: Mapped[date]
    meter_from: Mapped[Decimal | None] = mapped_column(Quantity)
    meter_to: Mapped[Decimal | None] = mapped_column(Quantity)
    bill_file_id: Mapped[UUID]
    replaced_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
