"""Requests to correct what people cannot change themselves (PIPL 46), answered within fifteen working days."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_identity.base import Base
from svc_identity.vault.encryption import Encrypted

WORKING_DAYS = 15
"""Within which an app answers such a request, by the rules on unlawful collection by apps of 2019."""


class Subject(StrEnum):
    """What is wrong."""

    NAME = "name"
    """After a legal change of name that the population registry does not have yet."""
    UTILITY_ACCOUNT = "utility_account"
    """The holder or the address of an account, which its company keeps."""
    BILL = "bill"
    PAYMENT = "payment"
    ORGANISATION = "organisation"
    OTHER = "other"


class CorrectionStatus(StrEnum):
    OPEN = "open"
    CORRECTED = "corrected"
    REFUSED = "refused"
    """The answer says why, and where else to turn."""
    WITHDRAWN = "withdrawn"
    """By its person, also by closing the account."""


ANSWERED = (CorrectionStatus.CORRECTED, CorrectionStatus.REFUSED)
TRANSITIONS: dict[CorrectionStatus, set[CorrectionStatus]] = {
    CorrectionStatus.OPEN: {*ANSWERED, CorrectionStatus.WITHDRAWN},
    CorrectionStatus.CORRECTED: set(),
    CorrectionStatus.REFUSED: set(),
    CorrectionStatus.WITHDRAWN: set(),
}
_OPEN = text("status = 'open'")


class Correction(Base):
    """A person's request, in their own words, which are erased with the account."""

    __tablename__ = "corrections"
    __table_args__ = (
        one_of("about", Subject),
        one_of("status", CorrectionStatus),
        CheckConstraint("(status = 'open') = (ended_at IS NULL)", name="ended"),
        CheckConstraint(
            "(status IN ('corrected', 'refused')) = (answered_by IS NOT NULL)",
            name="answered",
        ),
        CheckConstraint("status IN ('corrected', 'refused') OR answer IS NULL", name="answer"),
        Index("uq_corrections_open", "person_id", "about", unique=True, postgresql_where=_OPEN),
        Index("ix_corrections_person_id_id", "person_id", "id"),
        Index("ix_corrections_division_code_open", "division_code", "id", postgresql_where=_OPEN),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    about: Mapped[Subject] = mapped_column(Text)
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    """Whose clerks answer it."""
    words: Mapped[str | None] = mapped_column(Encrypted("corrections.words"), deferred=True, deferred_raiseload=True)
    """What is wrong, and what is right; None from the closure of the account on."""
    status: Mapped[CorrectionStatus] = mapped_column(Text, default=CorrectionStatus.OPEN)
    asked_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    due_on: Mapped[date]
    """The last day for the answer, in China."""
    answer: Mapped[str | None] = mapped_column(Encrypted("corrections.answer"), deferred=True, deferred_raiseload=True)
    answered_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: CorrectionStatus) -> None:
        self.status = checked_move(TRANSITIONS, CorrectionStatus(self.status), status)
        self.ended_at = now()
