from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id
from svc_miniapps.base import Base
from svc_miniapps.runtime.templates.models import MessageTemplate


class AppMessage(Base):
    """One message of an app to one resident, by one consent. Its values are the resident's own data."""

    __tablename__ = "app_messages"
    __table_args__ = (
        UniqueConstraint("app_id", "message_id"),
        UniqueConstraint("consent_id"),
        Index("ix_app_messages_person_id", "person_id", "id"),
        Index("ix_app_messages_sent_at", "sent_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    message_id: Mapped[str] = mapped_column(Text)
    """As the app's server names it."""
    template_id: Mapped[UUID] = mapped_column(ForeignKey("message_templates.id"))
    consent_id: Mapped[UUID] = mapped_column(ForeignKey("message_consents.id"))
    person_id: Mapped[UUID]
    values: Mapped[dict[str, str]] = mapped_column(JSONB)
    page_query: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(Timestamp)
    read_at: Mapped[datetime | None] = mapped_column(Timestamp)
    removed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the resident removed it; its values are gone then."""

    template: Mapped[MessageTemplate] = relationship(lazy="joined", innerjoin=True)
