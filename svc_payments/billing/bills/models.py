"""Bills, one row each, and the versions that were replaced.

What is owed of a bill is `amount_fen + late_fee_fen - paid_fen`. The database keeps it from falling below zero.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric, SmallInteger, Text, func, text
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
    """Made by the platform for money paid in advance on an account."""
    TOP_UP = "top_up"
    """Made by the platform for a top-up that the provider has allowed."""
    APPLICATION_FEE = "application_fee"
    """Made by the platform for what a provider has quoted for an application; the application stands for an account."""
    APP_ORDER = "app_order"
    """Made by the platform with each payment of an order of a mini-app; the order stands for an account."""


OWED = frozenset({BillKind.REGULAR, BillKind.APPLICATION_FEE})
"""Bills that are there before a payment of them, and after one that came to nothing."""


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
    """Another bill replaces it."""


TRANSITIONS: dict[BillStatus, set[BillStatus]] = {
    BillStatus.DUE: {BillStatus.PAYING, BillStatus.VOID, BillStatus.EXPIRED, BillStatus.SUPERSEDED},
    # A bill made for a payment ends with it.
    BillStatus.PAYING: {BillStatus.DUE, BillStatus.PAID, BillStatus.EXPIRED},
    # A refund is possible before the provider has booked it and after.
    BillStatus.PAID: {BillStatus.POSTED, BillStatus.DUE, BillStatus.VOID},
    BillStatus.POSTED: {BillStatus.DUE, BillStatus.VOID},
    # A bill that a live query left out may be returned again. Any other void bill stays void.
    BillStatus.VOID: {BillStatus.DUE},
    BillStatus.EXPIRED: set(),
    BillStatus.SUPERSEDED: set(),
}

WITHDRAWN = {BillStatus.VOID, BillStatus.EXPIRED, BillStatus.SUPERSEDED}


class ChangeReason(StrEnum):
    """Why a version of a bill replaced the previous one."""

    METER_ERROR = "meter_error"
    COURT_CASE = "court_case"
    ARREARS_WRITE_OFF = "arrears_write_off"
    TARIFF_CORRECTION = "tariff_correction"
    DUPLICATE = "duplicate"
    BILLING_ERROR = "billing_error"
    ACCOUNT_CLOSED = "account_closed"
    OTHER = "other"
    NOT_STATED = "not_stated"
    """The provider sent the bill again with other content and did not say why."""
    PAST_EXPIRY = "past_expiry"
    REPLACED = "replaced"
    """By the bill that names it."""
    NOT_NAMED = "not_named"
    """A live query of the account no longer returns it."""
    NAMED_AGAIN = "named_again"
    """A live query returns it again."""
    FEE_WITHDRAWN = "fee_withdrawn"
    """Of an application: a later quote has replaced it, the application has ended, or the fee was refunded."""


STATED_REASONS = frozenset(ChangeReason) - {
    ChangeReason.NOT_STATED,
    ChangeReason.PAST_EXPIRY,
    ChangeReason.REPLACED,
    ChangeReason.NOT_NAMED,
    ChangeReason.NAMED_AGAIN,
    ChangeReason.FEE_WITHDRAWN,
}
"""The reasons that a provider may give."""


class Bill(Base):
    """The newest version of a bill.

    Partitioned by month: an id begins with its time, so that a month is a range of ids, and whoever has the id of a
    bill finds it in one partition. That a provider uses a number once is kept by `BillNumber`.

    `provider_id` and `bill_file_id` have no foreign key: a file of a million rows would pay a lookup for each of them
    to confirm two values that its own transaction has just written or read. Neither table's rows are ever deleted.
    """

    __tablename__ = "bills"
    __table_args__ = (
        # An account's bills, newest first, whatever the size of the table.
        Index(None, "provider_id", "account_number", "id"),
        # Without the status, which every payment changes: were it part of an index, each change would touch them all.
        Index("ix_bills_expiring", "expires_on", postgresql_where=text("expires_on IS NOT NULL")),
        # For reminders, by due date; without the status for the same reason.
        Index(None, "due_date", "id"),
        one_of("status", BillStatus),
        one_of("kind", BillKind),
        CheckConstraint("amount_fen BETWEEN 1 AND 100000000", name="amount_fen"),
        CheckConstraint("late_fee_fen >= 0", name="late_fee_fen"),
        CheckConstraint("paid_fen BETWEEN 0 AND amount_fen + late_fee_fen", name="paid_fen"),
        CheckConstraint("booked_fen BETWEEN 0 AND paid_fen", name="booked_fen"),
        one_of("reason", ChangeReason),
        CheckConstraint("(status = 'superseded') = (superseded_by IS NOT NULL)", name="superseded_by"),
        {"postgresql_partition_by": "RANGE (id)"},
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
    meter_digits: Mapped[int | None] = mapped_column(SmallInteger)
    """How many digits the meter shows before its decimal point, where the provider says so."""
    kind: Mapped[BillKind] = mapped_column(Text, server_default=BillKind.REGULAR)
    late_fee_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Late fees that were charged with the payments so far."""
    paid_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Captured for it, less refunds."""
    booked_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What the provider has booked of that."""
    status: Mapped[BillStatus] = mapped_column(Text, server_default=BillStatus.DUE)
    expires_on: Mapped[date | None]
    """The last day on which it can be paid."""
    customer_class: Mapped[str | None] = mapped_column(Text)
    """What the provider says that the bill was made by; the three are none where it says nothing."""
    unit: Mapped[str | None] = mapped_column(Text)
    tariff_id: Mapped[UUID | None]
    usage_details: Mapped[str | None] = mapped_column(Text)
    """What it says of the usage beside it, see `usage_details`."""
    version: Mapped[int] = mapped_column(server_default="1")
    reason: Mapped[ChangeReason | None] = mapped_column(Text)
    """Why this version exists; none for the first."""
    note: Mapped[str | None] = mapped_column(Text)
    """The reason in the provider's words."""
    supersedes: Mapped[str | None] = mapped_column(Text)
    """The number of the bill that it replaces."""
    superseded_by: Mapped[UUID | None]
    bill_file_id: Mapped[UUID | None]
    """The file that brought this version; none when it was sent as JSON."""
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


class BillNumber(Base):
    """Which bill has a number of a provider. A trigger on `bills` adds to it; a number is used once, for ever."""

    __tablename__ = "bill_numbers"
    __table_args__ = (
        # Of the few that another number could be similar to: see `similar`.
        Index(
            "ix_bill_numbers_similar",
            "provider_id",
            text("upper(ltrim(bill_number, '0'))"),
            postgresql_where=text("bill_number <> upper(ltrim(bill_number, '0'))"),
        ),
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    bill_number: Mapped[str] = mapped_column(Text, primary_key=True)
    bill_id: Mapped[UUID]


class BillVersion(Base):
    """A version of a bill that another has replaced; only ever added to, which the database enforces.

    It was due: a version that withdraws a bill is its last, but for one whose provider had only stopped naming it.
    """

    __tablename__ = "bill_versions"
    __table_args__ = (one_of("reason", ChangeReason),)

    bill_id: Mapped[UUID] = mapped_column(ForeignKey("bills.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_number: Mapped[str] = mapped_column(Text)
    period: Mapped[date]
    usage: Mapped[Decimal] = mapped_column(Quantity)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    due_date: Mapped[date]
    meter_from: Mapped[Decimal | None] = mapped_column(Quantity)
    meter_to: Mapped[Decimal | None] = mapped_column(Quantity)
    meter_digits: Mapped[int | None] = mapped_column(SmallInteger)
    expires_on: Mapped[date | None]
    reason: Mapped[ChangeReason | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    bill_file_id: Mapped[UUID | None]
    replaced_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
