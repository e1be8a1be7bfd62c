from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from svc_services.base import Base


class CaseRead(Base):
    """A look at the file of a case by somebody of an office or a company; never changed."""

    __tablename__ = "case_reads"
    __table_args__ = (
        CheckConstraint("action IN ('read_case', 'read_material', 'read_paper')", name="action"),
        Index(None, "application_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    reader_id: Mapped[UUID]
    """A person, or the client of a provider."""
    role: Mapped[str] = mapped_column(Text)
    organisation_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    """What was read: the case, a material or a paper of it."""
    read_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
