"""What was corrected in an application, by whom and when."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from svc_services.base import Base


class ApplicationCorrection(Base):
    __tablename__ = "application_corrections"
    __table_args__ = (UniqueConstraint("application_id", "revision"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("provider_applications.id"))
    revision: Mapped[int]
    """Of the application once it was corrected."""
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text))
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What the fields held before, without a phone number."""
    corrected_by: Mapped[UUID | None]
    """The representative or agent; empty where the application's token was used."""
    corrected_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
