"""Payees: public bodies and registered institutions for which the servers of mini-apps collect."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_payments.base import Base


class PayeeKind(StrEnum):
    PUBLIC_BODY = "public_body"
    """An organ of the state."""
    PUBLIC_INSTITUTION = "public_institution"
    """A public institution (事业单位) that is registered as such: a school, a hospital, a library."""


class Purpose(StrEnum):
    """What may be collected for. Goods of anybody are not among it; a further purpose is a decision of its own."""

    PARKING_FEE = "parking_fee"
    LIBRARY_DEPOSIT = "library_deposit"
    EXAM_FEE = "exam_fee"
    TUITION_FEE = "tuition_fee"
    MEDICAL_FEE = "medical_fee"
    ADMISSION_FEE = "admission_fee"
    """To a museum, a park, a sports ground."""
    CERTIFICATE_FEE = "certificate_fee"
    ADMINISTRATIVE_FEE = "administrative_fee"


class PayeeStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    SUSPENDED = "suspended"


TRANSITIONS: dict[PayeeStatus, set[PayeeStatus]] = {
    PayeeStatus.PROPOSED: {PayeeStatus.APPROVED, PayeeStatus.REFUSED},
    PayeeStatus.APPROVED: {PayeeStatus.SUSPENDED},
    PayeeStatus.SUSPENDED: {PayeeStatus.APPROVED},
    PayeeStatus.REFUSED: set(),
}


class Payee(Base):
    """One operator proposes, a second one approves; one suspends it, another one resumes it."""

    __tablename__ = "payees"
    __table_args__ = (
        one_of("kind", PayeeKind),
        one_of("status", PayeeStatus),
        CheckConstraint("most_fen BETWEEN 1 AND 100000000 AND day_most_fen >= most_fen", name="limits"),
        CheckConstraint("cardinality(purposes) > 0", name="purposes"),
        second_person_check("approved_by", "proposed_by"),
        CheckConstraint("(status IN ('approved', 'suspended')) = (approved_by IS NOT NULL)", name="approved_by"),
        CheckConstraint("(status = 'suspended') = (suspended_at IS NOT NULL)", name="suspended_at"),
        Index("uq_payees_uscc", "uscc", unique=True, postgresql_where=text("status <> 'refused'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    """Approved, it is also its id among the providers, by which it is settled."""
    uscc: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    """Its legal name."""
    kind: Mapped[PayeeKind] = mapped_column(Text)
    division_code: Mapped[str] = mapped_column(Text)
    organisation_id: Mapped[UUID]
    """The organisation of svc_identity whose agents agree to its apps."""
    bank_name: Mapped[str] = mapped_column(Text)
    bank_account: Mapped[str] = mapped_column(Text)
    """To which its settlements are paid."""
    purposes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    most_fen: Mapped[int] = mapped_column(BigInteger)
    """Of one order."""
    day_most_fen: Mapped[int] = mapped_column(BigInteger)
    """Of the orders created on one day in Beijing, paid or not."""
    status: Mapped[PayeeStatus] = mapped_column(Text, default=PayeeStatus.PROPOSED)
    reason: Mapped[str] = mapped_column(Text)
    """Of the last act: why it is proposed, refused, suspended or resumed."""
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[datetime | None] = mapped_column(Timestamp)
    suspended_by: Mapped[UUID | None]
    suspended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: PayeeStatus) -> None:
        self.status = checked_move(TRANSITIONS, PayeeStatus(self.status), status)


class PayeeApp(Base):
    """A mini-app that collects for a payee: an operator proposes it, an agent of the payee agrees, either ends it."""

    __tablename__ = "payee_apps"
    __table_args__ = (
        second_person_check("agreed_by", "proposed_by"),
        CheckConstraint("(agreed_by IS NULL) = (agreed_at IS NULL)", name="agreed"),
        CheckConstraint("(ended_by IS NULL) = (ended_at IS NULL)", name="ended"),
        Index("uq_payee_apps_in_force", "payee_id", "app_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    payee_id: Mapped[UUID] = mapped_column(ForeignKey(Payee.id))
    app_id: Mapped[UUID]
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    agreed_by: Mapped[UUID | None]
    agreed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_by: Mapped[UUID | None]
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)


class PayeeDay(Base):
    """What was ordered for a payee on a day; the row is locked while an order is counted."""

    __tablename__ = "payee_days"

    payee_id: Mapped[UUID] = mapped_column(ForeignKey(Payee.id), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
