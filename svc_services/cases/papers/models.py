"""Papers of applications: made once, never changed, verified by their code."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from svc_services.base import Base
from svc_services.cases.applications.models import Application, ApplicationStep
from svc_services.cases.workflows.definition import PaperKind


class Paper(Base):
    """A paper of a step, in one language. Its code is looked for by its hash, so that timing reveals nothing."""

    __tablename__ = "papers"
    __table_args__ = (
        one_of("kind", PaperKind),
        CheckConstraint("octet_length(code_hash) = 32", name="code_hash"),
        UniqueConstraint("step_id", "language", name="uq_papers_step_language"),
        Index(None, "application_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    application_id: Mapped[UUID] = mapped_column(ForeignKey(Application.id))
    step_id: Mapped[UUID] = mapped_column(ForeignKey(ApplicationStep.id))
    kind: Mapped[PaperKind] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    issuer: Mapped[str] = mapped_column(Text)
    """The company, or the division whose office took the step; no person."""
    issued_on: Mapped[date]
    """The day of the step in China."""
    code: Mapped[str] = mapped_column(Text)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    sha256: Mapped[str] = mapped_column(Text)
    """Of the PDF file."""
    made_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class PaperContent(Base):
    """The file of a paper, apart from what proves it: it is erased with the account of the applicant."""

    __tablename__ = "paper_contents"

    paper_id: Mapped[UUID] = mapped_column(ForeignKey(Paper.id), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class PaperCheck(Base):
    """A wrong code from a network address; within an hour they are counted."""

    __tablename__ = "paper_checks"
    __table_args__ = (Index(None, "line", "checked_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    line: Mapped[str] = mapped_column(Text)
    checked_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
