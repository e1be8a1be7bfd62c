"""Joint applications: one form for several companies, whose branches are ordinary cases once it is filed."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_services.base import Base
from svc_services.cases.workflows.models import ApplicationKind


class JointStatus(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    ENDED = "ended"
    """Every branch has ended, and the combined result exists."""


TRANSITIONS: dict[JointStatus, set[JointStatus]] = {
    JointStatus.DRAFT: {JointStatus.OPEN},
    JointStatus.OPEN: {JointStatus.ENDED},
    # An appeal opens a branch again.
    JointStatus.ENDED: {JointStatus.OPEN},
}


class JointApplication(Base):
    """What a resident asks of several companies at once.

    Whoever locks it together with cases locks the cases first, in the order of their ids.
    """

    __tablename__ = "joint_applications"
    __table_args__ = (
        one_of("status", JointStatus),
        CheckConstraint("(status = 'draft') = (submitted_at IS NULL)", name="submitted"),
        CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("status = 'draft' OR form = '{}'::jsonb", name="form_of_draft"),
        Index(None, "person_id", "id"),
        Index("ix_joint_applications_queue", "division_code", "id", postgresql_where=text("status = 'open'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID]
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    status: Mapped[JointStatus] = mapped_column(Text, default=JointStatus.DRAFT)
    version: Mapped[int] = mapped_column(default=1)
    """Counts the changes; its ETag."""
    form: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Of a draft; once it is filed, each branch has its own part and this is empty."""
    material_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    """Of a draft."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    submitted_at: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: JointStatus) -> None:
        self.status = checked_move(TRANSITIONS, JointStatus(self.status), status)
        self.ended_at = now() if status == JointStatus.ENDED else None
        self.version += 1


class JointBranch(Base):
    """What one company is asked for; a case once the joint application is filed."""

    __tablename__ = "joint_branches"
    __table_args__ = (
        one_of("kind", ApplicationKind),
        CheckConstraint("position BETWEEN 1 AND 6", name="position"),
        UniqueConstraint("joint_application_id", "provider_id", name="uq_joint_branches_provider"),
        UniqueConstraint("application_id", name="uq_joint_branches_application"),
        Index("ix_joint_branches_received", "provider_id", "joint_application_id"),
    )

    joint_application_id: Mapped[UUID] = mapped_column(ForeignKey("joint_applications.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    kind: Mapped[ApplicationKind] = mapped_column(Text)
    account_number: Mapped[str | None] = mapped_column(Text)
    """Of a draft; the case has it later."""
    application_id: Mapped[UUID | None] = mapped_column(ForeignKey("applications.id"))
    """NULL for a draft."""


class SurveyStatus(StrEnum):
    PROPOSED = "proposed"
    AGREED = "agreed"
    FAILED = "failed"
    """Each company makes an appointment of its own."""


SURVEY_TRANSITIONS: dict[SurveyStatus, set[SurveyStatus]] = {
    SurveyStatus.PROPOSED: {SurveyStatus.AGREED, SurveyStatus.FAILED},
    SurveyStatus.AGREED: set(),
    # Further days, while the companies may still answer.
    SurveyStatus.FAILED: {SurveyStatus.PROPOSED},
}


class SurveyFailure(StrEnum):
    NO_COMMON_DAY = "no_common_day"
    NOT_ANSWERED = "not_answered"
    """A company had not answered by the last day for answers."""
    NOBODY_LEFT = "nobody_left"
    """Every branch has ended or has an appointment of its own."""


class JointSurvey(Base):
    """Days proposed for one visit of all companies. All rounds of it have one last day for answers, so it ends."""

    __tablename__ = "joint_surveys"
    __table_args__ = (
        one_of("status", SurveyStatus),
        one_of("failure", SurveyFailure),
        CheckConstraint("cardinality(days) BETWEEN 1 AND 5", name="days"),
        CheckConstraint("(status = 'agreed') = (agreed_on IS NOT NULL)", name="agreed"),
        CheckConstraint("(status = 'failed') = (failure IS NOT NULL)", name="failed"),
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        Index("ix_joint_surveys_due", "due_on", postgresql_where=text("status = 'proposed'")),
    )

    joint_application_id: Mapped[UUID] = mapped_column(ForeignKey("joint_applications.id"), primary_key=True)
    status: Mapped[SurveyStatus] = mapped_column(Text, default=SurveyStatus.PROPOSED)
    round: Mapped[int] = mapped_column(default=1)
    """Rises where no day suited all and further ones are proposed."""
    days: Mapped[list[date]] = mapped_column(ARRAY(Date))
    due_on: Mapped[date]
    """The last day for answers."""
    proposed_by: Mapped[UUID | None] = mapped_column(ForeignKey("providers.id"))
    """NULL: by the applicant."""
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    agreed_on: Mapped[date | None]
    failure: Mapped[SurveyFailure | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def agree(self, day: date) -> None:
        self.status = checked_move(SURVEY_TRANSITIONS, SurveyStatus(self.status), SurveyStatus.AGREED)
        self.agreed_on, self.decided_at = day, now()

    def fail(self, failure: SurveyFailure) -> None:
        self.status = checked_move(SURVEY_TRANSITIONS, SurveyStatus(self.status), SurveyStatus.FAILED)
        self.failure, self.decided_at = failure, now()

    def propose_again(self, days: list[date], proposed_by: UUID | None) -> None:
        self.status = checked_move(SURVEY_TRANSITIONS, SurveyStatus(self.status), SurveyStatus.PROPOSED)
        self.failure = self.decided_at = None
        self.round += 1
        self.days, self.proposed_by, self.proposed_at = days, proposed_by, now()


class JointSurveyAnswer(Base):
    """The proposed days on which a company can come; none is an answer too."""

    __tablename__ = "joint_survey_answers"

    joint_application_id: Mapped[UUID] = mapped_column(
        ForeignKey("joint_surveys.joint_application_id"), primary_key=True
    )
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"), primary_key=True)
    round: Mapped[int] = mapped_column(default=1)
    """Of the survey; an answer to an earlier one counts no more."""
    days: Mapped[list[date]] = mapped_column(ARRAY(Date))
    answered_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class JointResult(Base):
    """The combined answer: how each branch ended. Never changed; an appeal that is decided gives the next edition."""

    __tablename__ = "joint_results"
    __table_args__ = (UniqueConstraint("joint_application_id", "edition", name="uq_joint_results_edition"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    joint_application_id: Mapped[UUID] = mapped_column(ForeignKey("joint_applications.id"))
    edition: Mapped[int]
    branches: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """Of each branch the position, the case, its final state and the version of the case."""
    decided_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
