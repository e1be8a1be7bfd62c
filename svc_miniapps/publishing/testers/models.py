from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, now
from svc_miniapps.base import Base
from svc_miniapps.publishing.releases.models import Release


class Tester(Base):
    """A person whom a team has named: for trials of its app, and for the first stage of its gray releases."""

    __tablename__ = "testers"

    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    named_by: Mapped[UUID]
    named_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class Trial(Base):
    """One tester's way to one version before its release, until it ends."""

    __tablename__ = "trials"
    __table_args__ = (UniqueConstraint("release_id", "person_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    release_id: Mapped[UUID] = mapped_column(ForeignKey("releases.id"))
    person_id: Mapped[UUID] = mapped_column(index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    """SHA-256 of what the QR code carries, which is nowhere else."""
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    ends_at: Mapped[datetime] = mapped_column(Timestamp)
    opened_at: Mapped[datetime | None] = mapped_column(Timestamp)

    release: Mapped[Release] = relationship(lazy="joined", innerjoin=True)
