from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp
from svc_miniapps.base import Base
from svc_miniapps.packages.models import Package


class Listing(Base):
    """What residents see of an app: its release of the moment, as it was approved. No row, or hidden: nothing."""

    __tablename__ = "listings"
    __table_args__ = (Index("ix_listings_division_code", "division_code", "app_id"),)

    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    release_id: Mapped[UUID] = mapped_column(ForeignKey("releases.id"), unique=True)
    package_id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"))
    division_code: Mapped[str] = mapped_column(Text, ForeignKey("divisions.code"))
    category: Mapped[str] = mapped_column(Text, ForeignKey("categories.code"))
    name: Mapped[str] = mapped_column(Text)
    short_description: Mapped[str] = mapped_column(Text)
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text))
    texts: Mapped[dict[str, dict[str, str]]] = mapped_column(JSONB)
    """By language tag the `name` and the `short_description`; where a language is missing, those above."""
    search_words: Mapped[str] = mapped_column(Text)
    min_platform_code: Mapped[int]
    """The lowest version of the platform that runs it."""
    icon_sha256: Mapped[str | None] = mapped_column(Text, ForeignKey("icons.sha256"))
    published_at: Mapped[datetime] = mapped_column(Timestamp)
    hidden_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Since when residents do not see it, because the app is taken down."""

    package: Mapped[Package] = relationship(lazy="joined", innerjoin=True)
