from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from svc_identity.base import Base
from svc_identity.people.consents.activities import Activity

CONSENTED = (
    *(Activity.ACCOUNT, Activity.IDENTITY_PROOFING),
    *(Activity.FACE_VERIFICATION, Activity.NETWORK_CERTIFICATE),
)
"""The activities whose consent a person gives here; what apps may do is `oauth.app_access`."""


class Way(StrEnum):
    """How a consent was given."""

    SIGN_IN_PAGE = "sign_in_page"
    APP = "app"


class Consent(Base):
    """A person's consent to a version of the documents, for one activity. It is kept after its withdrawal."""

    __tablename__ = "consents"
    __table_args__ = (
        one_of("activity", CONSENTED),
        one_of("way", Way),
        Index("ix_consents_person_id_id", "person_id", "id"),
        Index(
            "uq_consents_in_force",
            *("person_id", "activity", "version"),
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    activity: Mapped[Activity] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)
    way: Mapped[Way] = mapped_column(Text)
    client_id: Mapped[str | None] = mapped_column(Text)
    """The app in which it was given."""
    language: Mapped[str] = mapped_column(Text)
    """In which the documents were shown."""
    given_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Timestamp)
