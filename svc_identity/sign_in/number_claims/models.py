"""A number that somebody says is theirs now, while the account that has it is in use."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, now
from svc_identity.base import Base

REFUSED_FOR = timedelta(days=30)
"""For this long after a refusal, the number cannot be claimed again."""


class NumberClaim(Base):
    """A claim on the number of a person; it ends when the person signs in with the number, or has none any more."""

    __tablename__ = "number_claims"
    __table_args__ = (Index("ix_number_claims_claimed_at", "claimed_at"),)

    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    """Whose number it is until then."""
    claimed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    releases_at: Mapped[datetime] = mapped_column(Timestamp)
    refused_at: Mapped[datetime | None] = mapped_column(Timestamp)
