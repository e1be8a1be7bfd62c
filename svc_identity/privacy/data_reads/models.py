from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from svc_identity.base import Base


class DataRead(Base):
    """A read of a person's data in another service, from its event. What is read here is in `personal_data_reads`."""

    __tablename__ = "data_reads"
    __table_args__ = (
        Index("ix_data_reads_person_id_id", "person_id", "id"),
        Index("ix_data_reads_read_at", "read_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Of the event: a UUIDv7, in the order of time."""
    person_id: Mapped[UUID]
    service: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    """The id of the audit record there."""
    data: Mapped[list[str]] = mapped_column(ARRAY(Text))
    reason: Mapped[str] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(Text)
    organisation_id: Mapped[UUID | None]
    read_at: Mapped[datetime] = mapped_column(Timestamp)
