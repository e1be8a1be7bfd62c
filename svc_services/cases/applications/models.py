"""Applications of residents: drafts, open cases and ended ones, with each step."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_services.base import Base
from svc_services.cases.workflows.definition import Actor
from svc_services.cases.workflows.models import ApplicationKind

_OPEN = text("status = 'open'")


class CaseStatus(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    ENDED = "ended"


TRANSITIONS: dict[CaseStatus, set[CaseStatus]] = {
    CaseStatus.DRAFT: {CaseStatus.OPEN},
    CaseStatus.OPEN: {CaseStatus.OPEN, CaseStatus.ENDED},
    # An appeal opens a case again.
    CaseStatus.ENDED: {CaseStatus.OPEN, CaseStatus.ENDED},
}


class Flag(StrEnum):
    YELLOW = "yellow"
    """Four fifths of a limit are used up."""
    RED = "red"


class Application(Base):
    """A resident's application to a provider. It keeps the version of the workflow by which it was submitted."""

    __tablename__ = "applications"
    __table_args__ = (
        one_of("kind", ApplicationKind),
        one_of("status", CaseStatus),
        one_of("flag", Flag),
        CheckConstraint("(status = 'draft') = (state IS NULL)", name="state"),
        CheckConstraint("(status = 'draft') = (counted_to IS NULL)", name="counted_to"),
        CheckConstraint("(claimed_by IS NULL) = (claimed_until IS NULL)", name="claimed"),
        CheckConstraint("consumed_days >= 0", name="consumed_days"),
        CheckConstraint("(status = 'draft') = (case_number IS NULL)", name="case_number"),
        CheckConstraint("(counter_division_code IS NULL) = (taken_in_by IS NULL)", name="taken_in"),
        CheckConstraint("(extended_days > 0) = (extended_state IS NOT NULL) AND extended_days >= 0", name="extension"),
        Index("uq_applications_case_number", "case_number", unique=True),
        Index(
            "ix_applications_assigned_to",
            *("assigned_to", "id"),
            postgresql_where=text("status = 'open' AND assigned_to IS NOT NULL"),
        ),
        Index(
            "uq_applications_open",
            *("provider_id", "account_number", "kind"),
            unique=True,
            postgresql_where=text("status = 'open' AND account_number IS NOT NULL"),
        ),
        Index(None, "person_id", "id"),
        Index("ix_applications_open", "id", postgresql_where=_OPEN),
        Index("ix_applications_queue", "division_code", "id", postgresql_where=_OPEN),
        Index("ix_applications_received", "provider_id", "id", postgresql_where=_OPEN),
        Index("ix_applications_due", "look_at", postgresql_where=_OPEN),
        Index("ix_applications_calendar", "calendar_revision", "id", postgresql_where=_OPEN),
        Index("ix_applications_flagged", "id", postgresql_where=text("status = 'open' AND flag IS NOT NULL")),
        Index(
            "ix_applications_ended",
            "ended_at",
            postgresql_where=text("status = 'ended'"),
            postgresql_include=[
                "division_code",
                "provider_id",
                "kind",
                "consumed_days",
                "workflow_id",
                "extended_days",
            ],
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID]
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    workflow_id: Mapped[UUID] = mapped_column(ForeignKey("workflows.id"))
    kind: Mapped[ApplicationKind] = mapped_column(Text)
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    case_number: Mapped[str | None] = mapped_column(Text)
    """NULL for a draft."""
    counter_division_code: Mapped[str | None] = mapped_column(ForeignKey("divisions.code"))
    """Of the counter that took it in; NULL where the applicant filed it."""
    taken_in_by: Mapped[UUID | None]
    """The clerk of that counter."""
    account_number: Mapped[str | None] = mapped_column(Text)
    form: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[CaseStatus] = mapped_column(Text, default=CaseStatus.DRAFT)
    state: Mapped[str | None] = mapped_column(Text)
    """Of the workflow; NULL for a draft."""
    version: Mapped[int] = mapped_column(default=1)
    """Counts the changes; its ETag."""
    claimed_by: Mapped[UUID | None]
    claimed_until: Mapped[datetime | None] = mapped_column(Timestamp)
    assigned_to: Mapped[UUID | None]
    """The only clerk who may claim it, while they hold a role that reaches it."""

    consumed_days: Mapped[int] = mapped_column(default=0)
    """Working days that count towards the promise, up to and with `counted_to`. It never falls."""
    state_days: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict)
    """The same for each state, also over several stays."""
    counted_to: Mapped[date | None]
    clock_runs: Mapped[bool] = mapped_column(default=False)
    extended_days: Mapped[int] = mapped_column(default=0)
    """Working days by which the promise was extended."""
    extended_state: Mapped[str | None] = mapped_column(Text)
    """The state in which that was, whose own limit is as many days longer."""
    promised_on: Mapped[date | None]
    """The last working day of the promise, as it was computed when the clock last began to run."""
    flag: Mapped[Flag | None] = mapped_column(Text)
    level: Mapped[int] = mapped_column(default=0)
    """0: who has the case; 1: operators of the division; 2: operators of the prefecture."""
    look_at: Mapped[date | None]
    """The day on which time alone changes something; NULL where it never does."""
    calendar_revision: Mapped[int] = mapped_column(default=0)
    """Of the calendar by which the promise was computed."""
    promised_by_weekdays: Mapped[bool] = mapped_column(default=False)
    """The holidays of the promised day's year were not known."""

    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    submitted_at: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: CaseStatus) -> None:
        self.status = checked_move(TRANSITIONS, CaseStatus(self.status), status)
        self.ended_at = now() if status == CaseStatus.ENDED else None


class MoveCause(StrEnum):
    PAUSE = "pause"
    """The clock stood, such as while a correction was awaited."""
    CALENDAR = "calendar"
    """Holidays or make-up days were published or corrected."""
    EXTENSION = "extension"
    """The office or the provider extended it."""
    WORKFLOW = "workflow"
    """The case was moved to another version of its workflow, which promises other days."""


class PromiseMove(Base):
    """The promised day of a case became another one; the applicant sees why."""

    __tablename__ = "application_promise_moves"
    __table_args__ = (
        one_of("cause", MoveCause),
        CheckConstraint("(cause = 'calendar') = (calendar_revision IS NOT NULL)", name="calendar_revision"),
        CheckConstraint("(cause = 'workflow') = (migration_id IS NOT NULL)", name="migration_id"),
        Index(None, "application_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    moved_from: Mapped[date]
    moved_to: Mapped[date]
    cause: Mapped[MoveCause] = mapped_column(Text)
    calendar_revision: Mapped[int | None] = mapped_column(ForeignKey("calendar_changes.revision"))
    """The newest change of the calendar when the day moved."""
    migration_id: Mapped[UUID | None] = mapped_column(ForeignKey("case_migrations.id"))
    moved_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class ApplicationStep(Base):
    """One step of a case, never changed."""

    __tablename__ = "application_steps"
    __table_args__ = (
        one_of("actor", Actor),
        CheckConstraint("(actor IN ('system', 'payment')) = (actor_id IS NULL)", name="actor_id"),
        CheckConstraint(
            "num_nulls(appointment_from, appointment_to) = 2 OR "
            "(num_nulls(appointment_on, appointment_from, appointment_to) = 0 AND appointment_from < appointment_to)",
            name="appointment_hours",
        ),
        UniqueConstraint("application_id", "position", name="uq_application_steps_position"),
        Index(
            "ix_application_steps_staff",
            *("actor_id", "application_id"),
            postgresql_where=text("actor IN ('clerk', 'operator')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    position: Mapped[int]
    action: Mapped[str] = mapped_column(Text)
    actor: Mapped[Actor] = mapped_column(Text)
    actor_id: Mapped[UUID | None]
    """A person, or the client of a provider."""
    from_state: Mapped[str | None] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    appointment_on: Mapped[date | None]
    appointment_from: Mapped[time | None]
    appointment_to: Mapped[time | None]
    """Beijing time; without hours, the appointment is for the day."""
    amount_fen: Mapped[int | None]
    taken_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
