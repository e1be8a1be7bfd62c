from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id
from svc_miniapps.base import Base
from svc_miniapps.runtime.templates.models import MessageTemplate


class Subscriber(Base):
    """A resident who has agreed to messages of an app, with the name that the app has for them.

    Its row is locked by whatever gives, uses or ends a consent.
    """

    __tablename__ = "subscribers"
    __table_args__ = (UniqueConstraint("app_id", "openid"),)

    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    openid: Mapped[UUID]
    """As svc_identity derives it; no other app has it."""


class MessageConsent(Base):
    """One consent to one message."""

    __tablename__ = "message_consents"
    __table_args__ = (
        ForeignKeyConstraint(["app_id", "person_id"], ["subscribers.app_id", "subscribers.person_id"]),
        CheckConstraint("num_nonnulls(used_at, ended_at) < 2", name="used_or_ended"),
        Index("ix_message_consents_app_id_person_id", "app_id", "person_id", "template_id"),
        Index("ix_message_consents_person_id", "person_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID]
    person_id: Mapped[UUID]
    template_id: Mapped[UUID] = mapped_column(ForeignKey("message_templates.id"))
    given_at: Mapped[datetime] = mapped_column(Timestamp)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    used_at: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the person revoked it, or the app was taken from residents or went to another team."""

    template: Mapped[MessageTemplate] = relationship(lazy="joined", innerjoin=True)
