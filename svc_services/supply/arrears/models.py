"""Arrears of accounts: the notice, the cut-off that is announced and carried out, and the reconnection.

Whether anything is due says svc_payments, which has the bills; see `consumers`.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_services.base import Base


class ArrearsStatus(StrEnum):
    OPEN = "open"
    """The holder is asked to pay by the deadline."""
    CUT_OFF_ANNOUNCED = "cut_off_announced"
    CUT_OFF = "cut_off"
    RECONNECTING = "reconnecting"
    """Nothing is due any more; the company has to restore supply by a time."""
    RECONNECTED = "reconnected"
    SETTLED = "settled"
    """Nothing was due any more before a cut-off."""
    WITHDRAWN = "withdrawn"
    """By the company, before a cut-off."""
    REFUSED = "refused"
    """Its bills are none that the holder owes, as svc_payments first said."""


TRANSITIONS: dict[ArrearsStatus, set[ArrearsStatus]] = {
    ArrearsStatus.OPEN: {
        ArrearsStatus.CUT_OFF_ANNOUNCED,
        ArrearsStatus.SETTLED,
        ArrearsStatus.WITHDRAWN,
        ArrearsStatus.REFUSED,
    },
    ArrearsStatus.CUT_OFF_ANNOUNCED: {
        # A bill is disputed: the announcement is void.
        ArrearsStatus.OPEN,
        # Announced for another day.
        ArrearsStatus.CUT_OFF_ANNOUNCED,
        ArrearsStatus.CUT_OFF,
        ArrearsStatus.SETTLED,
        ArrearsStatus.WITHDRAWN,
    },
    ArrearsStatus.CUT_OFF: {ArrearsStatus.RECONNECTING},
    ArrearsStatus.RECONNECTING: {ArrearsStatus.RECONNECTED},
    ArrearsStatus.RECONNECTED: set(),
    ArrearsStatus.SETTLED: set(),
    ArrearsStatus.WITHDRAWN: set(),
    ArrearsStatus.REFUSED: set(),
}
OVER = frozenset(status for status, following in TRANSITIONS.items() if not following)


class ArrearsAction(StrEnum):
    OPEN = "open"
    ANNOUNCE_CUT_OFF = "announce_cut_off"
    CUT_OFF = "cut_off"
    SETTLE = "settle"
    ORDER_RECONNECTION = "order_reconnection"
    RECONNECT = "reconnect"
    WITHDRAW = "withdraw"
    REFUSE = "refuse"
    DISPUTE = "dispute"
    """A bill of it is disputed: nobody is cut off until that is decided."""
    DECIDE_DISPUTE = "decide_dispute"


class Explanation(StrEnum):
    """Why a step was taken by nobody, or against what was expected."""

    NOTHING_DUE = "nothing_due"
    """Paid, or withdrawn by the company."""
    PAID_BEFORE_CUT_OFF = "paid_before_cut_off"
    """Supply was cut off although nothing was due any more; the message of it came later."""
    BY_COMPANY = "by_company"
    """The company restores supply although something is due."""
    BILLS_PAID = "bills_paid"
    BILLS_UNKNOWN = "bills_unknown"
    """svc_payments knows none of the numbers on this account."""
    EARLIER_HOLDER = "earlier_holder"
    """An earlier holder owes the bills, or one of them."""


class ArrearsNotice(Base):
    __tablename__ = "arrears_notices"
    __table_args__ = (
        one_of("status", ArrearsStatus),
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        CheckConstraint(
            "status NOT IN ('cut_off_announced', 'cut_off', 'reconnecting', 'reconnected') OR cut_off_on IS NOT NULL",
            name="cut_off_on",
        ),
        CheckConstraint(
            "(status IN ('cut_off', 'reconnecting', 'reconnected')) = (cut_off_at IS NOT NULL)", name="cut_off_at"
        ),
        CheckConstraint(
            "(status IN ('reconnecting', 'reconnected')) = (reconnect_by IS NOT NULL)", name="reconnect_by"
        ),
        CheckConstraint("(status = 'reconnected') = (reconnected_at IS NOT NULL)", name="reconnected_at"),
        CheckConstraint(
            "(status IN ('reconnected', 'settled', 'withdrawn', 'refused')) = (closed_at IS NOT NULL)", name="closed_at"
        ),
        Index(
            "uq_arrears_notices_live",
            "provider_id",
            "account_number",
            unique=True,
            postgresql_where=text("status NOT IN ('reconnected', 'settled', 'withdrawn', 'refused')"),
        ),
        Index(None, "provider_id", "account_number", "id"),
        Index(None, "provider_id", "id"),
        Index("ix_arrears_notices_reconnecting", "reconnect_by", postgresql_where=text("status = 'reconnecting'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    account_number: Mapped[str] = mapped_column(Text)
    salt: Mapped[UUID] = mapped_column(default=new_id)
    """Hashed with the account and the bills in the trail, so that nothing is left to guess by once they are erased."""
    bill_numbers: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """The company's numbers of the bills that are not paid."""
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    """What they come to, as the company says."""
    deadline: Mapped[date]
    """The last day to pay."""
    status: Mapped[ArrearsStatus] = mapped_column(Text, default=ArrearsStatus.OPEN)
    outstanding_fen: Mapped[int | None] = mapped_column(BigInteger)
    """What is due of them, as svc_payments says; none until it has said so."""
    checked_fen: Mapped[int | None] = mapped_column(BigInteger)
    """What was due of them when svc_payments first said so. People see a notice from then on, if anything was due."""
    being_paid: Mapped[bool] = mapped_column(default=False)
    """A payment of one of them is open."""
    unknown_bills: Mapped[int] = mapped_column(default=0)
    """How many of the numbers svc_payments does not know on this account."""
    disputed: Mapped[bool] = mapped_column(default=False)
    """A bill of it is disputed, and that is not decided."""
    overdue_since: Mapped[date | None]
    """The latest due date of what is due; of a bill that came after its own, the day on which it came."""
    first_period: Mapped[date | None]
    """The earliest month of what is due: it tells whose bills these are."""
    sequence: Mapped[int] = mapped_column(default=0)
    """Of the last event of svc_payments that was heeded; an older one changes nothing."""
    cut_off_on: Mapped[date | None]
    """The day that was announced."""
    cut_off_check: Mapped[UUID | None]
    """What svc_payments is asked before supply is cut off; none while no cut-off is pending."""
    cut_off_asked_at: Mapped[datetime | None] = mapped_column(Timestamp)
    cut_off_at: Mapped[datetime | None] = mapped_column(Timestamp)
    reconnect_by: Mapped[datetime | None] = mapped_column(Timestamp)
    reconnected_at: Mapped[datetime | None] = mapped_column(Timestamp)
    opened_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    closed_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: ArrearsStatus) -> None:
        self.status = checked_move(TRANSITIONS, ArrearsStatus(self.status), status)


class ArrearsStep(Base):
    """One step of a notice; only ever added to."""

    __tablename__ = "arrears_steps"
    __table_args__ = (
        one_of("action", ArrearsAction),
        one_of("explanation", Explanation),
        UniqueConstraint("notice_id", "position", name="uq_arrears_steps_position"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    notice_id: Mapped[UUID] = mapped_column(ForeignKey("arrears_notices.id"))
    position: Mapped[int]
    action: Mapped[ArrearsAction] = mapped_column(Text)
    by_company: Mapped[bool]
    """False: it followed from what svc_payments said."""
    explanation: Mapped[Explanation | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The day or time that it set."""
    taken_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class ArrearsBill(Base):
    """A bill of a notice by the id that residents know, as svc_payments says."""

    __tablename__ = "arrears_bills"
    __table_args__ = (Index(None, "bill_id"),)

    notice_id: Mapped[UUID] = mapped_column(ForeignKey("arrears_notices.id"), primary_key=True)
    bill_id: Mapped[UUID] = mapped_column(primary_key=True)


class BillDispute(Base):
    """A resident's complaint about a bill."""

    __tablename__ = "bill_disputes"
    __table_args__ = (Index(None, "bill_id"),)

    complaint_id: Mapped[UUID] = mapped_column(primary_key=True)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    bill_id: Mapped[UUID]
    person_id: Mapped[UUID]
    disputed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
