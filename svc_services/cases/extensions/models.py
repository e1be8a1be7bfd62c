from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, now
from svc_services.base import Base
from svc_services.cases.workflows.definition import Actor


class CaseExtension(Base):
    """The promise of a case was extended, which happens once; never changed."""

    __tablename__ = "case_extensions"
    __table_args__ = (
        CheckConstraint("days > 0", name="days"),
        CheckConstraint("actor IN ('operator', 'provider')", name="actor"),
    )

    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"), primary_key=True)
    days: Mapped[int]
    position: Mapped[int]
    """Of the step, which has the reason."""
    actor: Mapped[Actor] = mapped_column(Text)
    extended_by: Mapped[UUID]
    extended_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
