from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from svc_services.base import Base


class CaseAssignment(Base):
    """An operator has assigned a case to a clerk, or lifted that; never changed."""

    __tablename__ = "case_assignments"
    __table_args__ = (Index(None, "application_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    clerk_id: Mapped[UUID | None]
    """NULL: lifted."""
    assigned_by: Mapped[UUID]
    assigned_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
