"""Which apps a person has opened, for that person alone."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, now
from svc_miniapps.base import Base


class RecentApp(Base):
    """When a person has opened an app last."""

    __tablename__ = "recent_apps"

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    opened_at: Mapped[datetime] = mapped_column(Timestamp, index=True)


class RecentChoice(Base):
    """A person who has switched the list off; no row: it is on."""

    __tablename__ = "recent_choices"

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    off_since: Mapped[datetime] = mapped_column(Timestamp, default=now)
