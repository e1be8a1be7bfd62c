from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from svc_services.base import Base


class ClaimedOrganisation(Base):
    """Who represents an organisation, as svc_identity says; from then on nobody else applies in its name."""

    __tablename__ = "claimed_organisations"

    uscc: Mapped[str] = mapped_column(Text, primary_key=True)
    organisation_id: Mapped[UUID]
    representative_id: Mapped[UUID]
    claimed_at: Mapped[datetime] = mapped_column(Timestamp)
    revision: Mapped[int]


class Mandate(Base):
    """Who acts for an organisation beside its representative, as svc_identity says."""

    __tablename__ = "mandates"
    __table_args__ = (Index("ix_mandates_uscc_agent_id", "uscc", "agent_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    uscc: Mapped[str] = mapped_column(Text)
    agent_id: Mapped[UUID]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    division_codes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    valid_until: Mapped[datetime] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
