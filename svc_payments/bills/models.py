"""Bills, one row each, and the versions that were replaced.

What is owed of a bill is `amount_fen + late_fee_fen - paid_fen`. The database keeps it from falling below zero.
"""

from dataclasses import dataclass
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


class BillKind(StrEnum):
    REGULAR = "regular"
    """The provider's own."""
    ADVANCE = "advance"
    """Made by us for money that a person pays ahead on an account."""
    TOP_UP = "top_up"
    """Made by us for a top-up that the provider has found possible."""


class BillStatus(StrEnum):
    DUE = "due"
    """Something is left to pay."""
    PAYING = "paying"
    """A payment is open; no second one may begin and the provider cannot amend."""
    PAID = "paid"
    POSTED = "posted"
    """The provider has booked all of it on the account."""
    VOID = "void"
    """Withdrawn by the provider."""
    EXPIRED = "expired"
    """Past the day until which it could be paid."""
    SUPERSEDED = "superseded"
    """Another bill stands in its place."""


TRANSITIONS: dict[BillStatus, set[BillStatus]] = {
    BillStatus.DUE: {BillStatus.PAYING, BillStatus.VOID, BillStatus.EXPIRED, BillStatus.SUPERSEDED},
    BillStatus.PAYING: {BillStatus.DUE, BillStatus.PAID},
    # Money may go back, before the provider has booked it and after.
    BillStatus.PAID: {BillStatus.POSTED, BillStatus.DUE},
    BillStatus.POSTED: {BillStatus.DUE},
    BillStatus.VOID: set(),
    BillStatus.EXPIRED: set(),
    BillStatus.SUPERSEDED: set(),
}


WITHDRAWN = {BillStatus.VOID, BillStatus.EXPIRED, BillStatus.SUPERSEDED}


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
        one_of("kind", BillKind),
        CheckConstraint("amount_fen BETWEEN 1 AND 100000000", name="amount_fen"),
        CheckConstraint("late_fee_fen >= 0", name="late_fee_fen"),
        CheckConstraint("paid_fen BETWEEN 0 AND amount_fen + late_fee_fen", name="paid_fen"),
        CheckConstraint("booked_fen BETWEEN 0 AND paid_fen", name="booked_fen"),
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
    kind: Mapped[BillKind] = mapped_column(Text, server_default=BillKind.REGULAR)
    late_fee_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Late fees that were charged with the payments so far."""
    paid_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What has been captured for it, and not given back."""
    booked_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What the provider has booked of that."""
    status: Mapped[BillStatus] = mapped_column(Text, server_default=BillStatus.DUE)
    version: Mapped[int] = mapped_column(server_default="1")
    bill_file_id: Mapped[UUID]
    """The file that brought this version."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())

    @property
    def outstanding_fen(self) -> int:
        """What is left to pay, without late fees that have not been charged yet."""
        return self.amount_fen + self.late_fee_fen - self.paid_fen

    def move_to(self, status: BillStatus) -> None:
        self.status = checked_move(TRANSITIONS, BillStatus(self.status), status)


@dataclass(frozen=True)
class Part:
    """What a payment pays of a bill."""

    amount_fen: int
    late_fee_fen: int
    """How much of the amount is a late fee."""


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
