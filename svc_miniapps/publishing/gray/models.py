from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, one_of
from svc_miniapps.base import Base
from svc_miniapps.packages.models import Package


class Stage(StrEnum):
    TESTERS = "testers"
    """The persons whom the team named."""
    DIVISION = "division"
    """Them, and everybody in the first division."""
    PERCENTAGE = "percentage"
    """All those, and a share of all other persons."""


TRANSITIONS: dict[Stage, set[Stage]] = {
    Stage.TESTERS: {Stage.DIVISION, Stage.PERCENTAGE},
    Stage.DIVISION: {Stage.PERCENTAGE},
    # The percentage itself only rises.
    Stage.PERCENTAGE: {Stage.PERCENTAGE},
}


class GrayListing(Base):
    """What some persons get of an app instead of its listing; the row stays for the next gray release of the app."""

    __tablename__ = "gray_listings"
    __table_args__ = (
        one_of("stage", Stage),
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        CheckConstraint("(stage = 'percentage') = (percent > 0)", name="percentage"),
        CheckConstraint("stage <> 'division' OR first_division_code IS NOT NULL", name="division"),
        Index("ix_gray_listings_ends_at", "ends_at", postgresql_where=text("ended_at IS NULL")),
    )

    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    release_id: Mapped[UUID] = mapped_column(ForeignKey("releases.id"))
    package_id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"))
    division_code: Mapped[str] = mapped_column(Text, ForeignKey("divisions.code"))
    """Of the app."""
    category: Mapped[str] = mapped_column(Text, ForeignKey("categories.code"))
    name: Mapped[str] = mapped_column(Text)
    short_description: Mapped[str] = mapped_column(Text)
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text))
    stage: Mapped[Stage] = mapped_column(Text)
    first_division_code: Mapped[str | None] = mapped_column(Text, ForeignKey("divisions.code"))
    """The division that has it as a whole from the stage `division` on."""
    percent: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(Timestamp)
    ends_at: Mapped[datetime] = mapped_column(Timestamp)
    """The worker withdraws it then, unless the team has ended it."""
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    package: Mapped[Package] = relationship(lazy="joined", innerjoin=True)
