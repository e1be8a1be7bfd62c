from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from svc_miniapps.base import Base


class App(Base):
    """A mini-app that an organisation's county team has registered for its division."""

    __tablename__ = "apps"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(index=True)
    division_code: Mapped[str] = mapped_column(Text, ForeignKey("divisions.code"))
    category: Mapped[str] = mapped_column(Text, ForeignKey("categories.code"))
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text)
    """As it was compared when it was registered; `AppName` is what decides."""
    short_description: Mapped[str] = mapped_column(Text)
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text))
    registered_by: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Since when residents have it no more, for good; its names stay its own."""
    revision: Mapped[int] = mapped_column()

    # SQLAlchemy counts `revision` up with every change; it is the ETag.
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - declared for instances by SQLAlchemy
