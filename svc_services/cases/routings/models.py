from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from svc_services.base import Base


class CaseRouting(Base):
    """A case went to another division or provider; never changed."""

    __tablename__ = "case_routings"
    __table_args__ = (Index(None, "application_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    from_division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    to_division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    from_provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    to_provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    position: Mapped[int]
    """Of the step, which has the reason."""
    routed_by: Mapped[UUID]
    routed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
