from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, now
from svc_identity.base import Base


class CompanyProvider(Base):
    """A provider that svc_services approved, and the organisation of its company, which has one for each utility."""

    __tablename__ = "company_providers"

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    division_codes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Which divisions it serves: operators who reach them all decide about the company's roles."""
    linked_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
