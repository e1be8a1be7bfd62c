from datetime import datetime
from uuid import UUID

from sqlalchemy import Text
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
