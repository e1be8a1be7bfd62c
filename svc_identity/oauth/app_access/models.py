from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from svc_identity.base import Base


class AppAccess(Base):
    """What a person has allowed to an app by signing in there, until they withdraw it."""

    __tablename__ = "app_access"
    __table_args__ = (
        Index("ix_app_access_person_id_id", "person_id", "id"),
        Index(
            "uq_app_access_in_force",
            *("person_id", "client_id"),
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    language: Mapped[str] = mapped_column(Text)
    """In which the page said so."""
    granted_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Timestamp)
