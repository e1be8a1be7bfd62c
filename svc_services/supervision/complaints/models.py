"""Complaints about a service, an account, a bill or a payment, with a clock of working days."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import IllegalMove, checked_move
from svc_services.base import Base
from svc_services.cases.applications.models import Flag
from svc_services.supervision.clocks import Clocked, clock_checks

_OPEN = text("status IN ('filed', 'handling', 'answered', 'disputed')")
_RUNNING = text("status IN ('filed', 'handling', 'disputed')")


class ComplaintSource(StrEnum):
    RESIDENT = "resident"
    HOTLINE = "hotline"
    """The 12345 hotline took it by phone."""


class ComplaintSubject(StrEnum):
    APPLICATION = "application"
    ACCOUNT = "account"
    SERVICE = "service"
    """What a provider does in a division."""
    BILL = "bill"
    PAYMENT = "payment"


class ComplaintHandler(StrEnum):
    PROVIDER = "provider"
    AUTHORITY = "authority"
    """Clerks and operators of the division."""


class ComplaintStatus(StrEnum):
    FILED = "filed"
    HANDLING = "handling"
    REFUSED = "refused"
    ANSWERED = "answered"
    """The complainant says whether it is settled; silence closes it."""
    DISPUTED = "disputed"
    """An operator who had no part in it answers."""
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


_S = ComplaintStatus
TRANSITIONS: dict[ComplaintStatus, set[ComplaintStatus]] = {
    _S.FILED: {_S.HANDLING, _S.REFUSED, _S.WITHDRAWN},
    _S.HANDLING: {_S.HANDLING, _S.ANSWERED, _S.WITHDRAWN},
    _S.REFUSED: {_S.DISPUTED},
    # A call-back that reaches nobody leaves it answered.
    _S.ANSWERED: {_S.ANSWERED, _S.DISPUTED, _S.CLOSED},
    _S.DISPUTED: {_S.ANSWERED, _S.WITHDRAWN},
    _S.CLOSED: {_S.HANDLING},
    _S.WITHDRAWN: set(),
}
OPEN = (_S.FILED, _S.HANDLING, _S.ANSWERED, _S.DISPUTED)
RUNNING = (_S.FILED, _S.HANDLING, _S.DISPUTED)


class ComplaintAction(StrEnum):
    FILE = "file"
    ACCEPT = "accept"
    REFUSE = "refuse"
    ASSIGN = "assign"
    """Somebody else handles it from now on; its days go on."""
    ANSWER = "answer"
    CALL_BACK = "call_back"
    CONFIRM = "confirm"
    DISPUTE = "dispute"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"
    ESCALATE = "escalate"
    """By the clock: near its limit, over it, or over it for long."""
    LAPSE = "lapse"
    """By the clock: the complainant has said nothing about the answer."""


_A = ComplaintAction
STEPS: dict[ComplaintAction, set[ComplaintStatus]] = {
    _A.ACCEPT: {_S.FILED},
    _A.REFUSE: {_S.FILED},
    _A.ASSIGN: {_S.HANDLING},
    _A.ANSWER: {_S.HANDLING, _S.DISPUTED},
    _A.CALL_BACK: {_S.ANSWERED},
    _A.CONFIRM: {_S.ANSWERED},
    _A.DISPUTE: {_S.ANSWERED, _S.REFUSED},
    _A.REOPEN: {_S.CLOSED},
    _A.WITHDRAW: {_S.FILED, _S.HANDLING, _S.DISPUTED},
    _A.LAPSE: {_S.ANSWERED},
}
"""From where each step is taken; several of them lead to one status."""


class ComplaintActor(StrEnum):
    RESIDENT = "resident"
    STAFF = "staff"
    COMPANY = "company"
    HOTLINE = "hotline"
    CLOCK = "clock"


class CallBackOutcome(StrEnum):
    SATISFIED = "satisfied"
    UNSATISFIED = "unsatisfied"
    UNREACHABLE = "unreachable"


class Complaint(Clocked, Base):
    """A complaint of a resident, or of somebody who called the hotline and is no person of the platform."""

    __tablename__ = "complaints"
    __table_args__ = (
        one_of("source", ComplaintSource),
        one_of("subject", ComplaintSubject),
        one_of("handler", ComplaintHandler),
        one_of("status", ComplaintStatus),
        one_of("flag", Flag),
        *clock_checks(),
        CheckConstraint("source = 'hotline' OR (person_id IS NOT NULL AND provider_id IS NOT NULL)", name="resident"),
        CheckConstraint("handler IS NULL OR provider_id IS NOT NULL", name="handled"),
        CheckConstraint("(status IN ('refused', 'closed', 'withdrawn')) = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("(status IN ('answered', 'refused')) = (dispute_until IS NOT NULL)", name="dispute_until"),
        UniqueConstraint("number", name="uq_complaints_number"),
        UniqueConstraint("hotline_number", name="uq_complaints_hotline_number"),
        Index(
            "uq_complaints_open",
            *("person_id", "subject", "provider_id", "division_code", "subject_ref"),
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text(f"person_id IS NOT NULL AND {_OPEN}"),
        ),
        Index(None, "person_id", "id"),
        Index(None, "division_code", "id"),
        Index(None, "provider_id", "id"),
        Index(
            "ix_complaints_accepted",
            "filed_at",
            postgresql_where=text("accepted_at IS NOT NULL"),
            postgresql_include=["division_code", "provider_id"],
        ),
        Index("ix_complaints_hotline_problem", "id", postgresql_where=text("hotline_problem IS NOT NULL")),
        Index("ix_complaints_due", "look_at", postgresql_where=_OPEN),
        Index("ix_complaints_calendar", "calendar_revision", "id", postgresql_where=_RUNNING),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(Text)
    """What people say on the phone."""
    source: Mapped[ComplaintSource] = mapped_column(Text)
    person_id: Mapped[UUID | None]
    provider_id: Mapped[UUID | None] = mapped_column(ForeignKey("providers.id"))
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    subject: Mapped[ComplaintSubject] = mapped_column(Text)
    subject_ref: Mapped[str | None] = mapped_column(Text)
    """Id of the application, bill or payment, or number of the account."""
    subject_verified: Mapped[bool]
    """This service knows the subject as the complainant's; of a payment it cannot."""
    words: Mapped[str | None] = mapped_column(Text)
    contact_name: Mapped[str | None] = mapped_column(Text)
    contact_phone: Mapped[str | None] = mapped_column(Text)
    contact_shared: Mapped[bool] = mapped_column(default=False)
    """The company's people see whom to call."""
    salt: Mapped[UUID | None] = mapped_column(default=uuid4)
    """Hashed in the audit trail with what is personal, and erased with it."""
    handler: Mapped[ComplaintHandler | None] = mapped_column(Text)
    status: Mapped[ComplaintStatus] = mapped_column(Text)
    disputed: Mapped[bool] = mapped_column(default=False)
    reopened: Mapped[bool] = mapped_column(default=False)
    revision: Mapped[int] = mapped_column(default=0)
    """Counts the entries: what the hotline knows is compared with it."""
    hotline_number: Mapped[str | None] = mapped_column(Text)
    hotline_problem: Mapped[str | None] = mapped_column(Text)
    """Why the hotline is told nothing more until somebody has looked."""
    flag: Mapped[Flag | None] = mapped_column(Text)
    dispute_until: Mapped[date | None]
    """The last day on which an answer or a refusal is disputed."""
    filed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    accepted_at: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    @property
    def runs(self) -> bool:
        return self.status in RUNNING

    def take(self, action: ComplaintAction, status: ComplaintStatus) -> None:
        """Move by a step.

        Raises:
            IllegalMove
        """
        if self.status not in STEPS[action]:
            raise IllegalMove(current=str(self.status), wanted=str(status))
        self.status = checked_move(TRANSITIONS, ComplaintStatus(self.status), status)
        self.ended_at = None if status in OPEN else now()


class ComplaintEntry(Base):
    """One step of a complaint, never changed."""

    __tablename__ = "complaint_entries"
    __table_args__ = (
        one_of("action", ComplaintAction),
        one_of("actor", ComplaintActor),
        one_of("outcome", CallBackOutcome),
        CheckConstraint("(actor IN ('staff', 'company')) = (actor_id IS NOT NULL)", name="actor_id"),
        CheckConstraint("(action = 'call_back') = (outcome IS NOT NULL)", name="called_back"),
        UniqueConstraint("complaint_id", "position", name="uq_complaint_entries_position"),
        UniqueConstraint("complaint_id", "hotline_reference", name="uq_complaint_entries_hotline_reference"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    complaint_id: Mapped[UUID] = mapped_column(ForeignKey("complaints.id"))
    position: Mapped[int]
    action: Mapped[ComplaintAction] = mapped_column(Text)
    actor: Mapped[ComplaintActor] = mapped_column(Text)
    actor_id: Mapped[UUID | None]
    """Of staff and of the company's people; the complainant is not named here."""
    outcome: Mapped[CallBackOutcome | None] = mapped_column(Text)
    hotline_reference: Mapped[str | None] = mapped_column(Text)
    """The hotline's number of its call: the same one again is no further step."""
    words: Mapped[str | None] = mapped_column(Text)
    taken_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class ComplaintRead(Base):
    """A look at a complaint by somebody of an office or a company; never changed."""

    __tablename__ = "complaint_reads"
    __table_args__ = (Index(None, "complaint_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    complaint_id: Mapped[UUID] = mapped_column(ForeignKey("complaints.id"))
    reader_id: Mapped[UUID]
    role: Mapped[str] = mapped_column(Text)
    organisation_id: Mapped[UUID | None]
    read_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
