"""Planned and sudden interruptions of supply. What a company says of one is a version that is never edited."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_services.base import Base
from svc_services.reference.models import UtilityKind


class OutageNature(StrEnum):
    PLANNED = "planned"
    SUDDEN = "sudden"


class OutageCause(StrEnum):
    MAINTENANCE = "maintenance"
    CONSTRUCTION = "construction"
    FAULT = "fault"
    WEATHER = "weather"
    SHORTAGE = "shortage"
    SAFETY = "safety"
    OTHER = "other"


class OutageStatus(StrEnum):
    ANNOUNCED = "announced"
    """Coming or under way."""
    ENDED = "ended"
    """Supply is back."""
    CANCELLED = "cancelled"
    """It did not take place."""


TRANSITIONS: dict[OutageStatus, set[OutageStatus]] = {
    OutageStatus.ANNOUNCED: {OutageStatus.ENDED, OutageStatus.CANCELLED},
    OutageStatus.ENDED: set(),
    OutageStatus.CANCELLED: set(),
}


class Outage(Base):
    """An outage as its newest version has it."""

    __tablename__ = "outages"
    __table_args__ = (
        one_of("nature", OutageNature),
        one_of("cause", OutageCause),
        one_of("status", OutageStatus),
        CheckConstraint("expected_end > starts_at", name="expected_end"),
        CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("nature = 'sudden' OR expected_end IS NOT NULL", name="planned_end"),
        Index(None, "provider_id", "id"),
        Index("ix_outages_announced", "id", postgresql_where=text("status = 'announced'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    kind: Mapped[UtilityKind] = mapped_column(Text, ForeignKey("utility_kinds.kind"))
    nature: Mapped[OutageNature] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1)
    status: Mapped[OutageStatus] = mapped_column(Text, default=OutageStatus.ANNOUNCED)
    cause: Mapped[OutageCause] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    """In the company's words."""
    starts_at: Mapped[datetime] = mapped_column(Timestamp)
    expected_end: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    short_notice: Mapped[bool] = mapped_column(default=False)
    """Planned, and announced later than the rule of its kind has it."""
    covers_all: Mapped[bool] = mapped_column(default=False)
    """All that the company serves, also accounts of which no premises are known."""
    updated_at: Mapped[datetime] = mapped_column(Timestamp, default=now)

    def move_to(self, status: OutageStatus) -> None:
        self.status = checked_move(TRANSITIONS, OutageStatus(self.status), status)


class OutageArea(Base):
    """A place that the newest version of an outage names."""

    __tablename__ = "outage_areas"
    __table_args__ = (Index(None, "division_code"),)

    outage_id: Mapped[UUID] = mapped_column(ForeignKey("outages.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    address: Mapped[str | None] = mapped_column(Text)
    """As the company wrote it; none where the whole division is without supply."""
    prefix: Mapped[str] = mapped_column(Text)
    """How comparable addresses begin there; empty for the whole division."""


class OutageVersion(Base):
    """What was said of an outage at a time; only ever added to."""

    __tablename__ = "outage_versions"
    __table_args__ = (one_of("status", OutageStatus), one_of("cause", OutageCause))

    outage_id: Mapped[UUID] = mapped_column(ForeignKey("outages.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    status: Mapped[OutageStatus] = mapped_column(Text)
    cause: Mapped[OutageCause] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    starts_at: Mapped[datetime] = mapped_column(Timestamp)
    expected_end: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    short_notice: Mapped[bool]
    areas: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    recorded_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class OutageRound(Base):
    """How far the worker has come with telling people of a version."""

    __tablename__ = "outage_rounds"
    __table_args__ = (Index("ix_outage_rounds_open", "outage_id", postgresql_where=text("done_at IS NULL")),)

    outage_id: Mapped[UUID] = mapped_column(ForeignKey("outages.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    after_binding_id: Mapped[UUID | None]
    """The last binding that was looked at."""
    done_at: Mapped[datetime | None] = mapped_column(Timestamp)


class OutageNotice(Base):
    """That a person was told of a version, once."""

    __tablename__ = "outage_notices"
    __table_args__ = (Index(None, "person_id"), Index(None, "told_at"))

    outage_id: Mapped[UUID] = mapped_column(ForeignKey("outages.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    affected: Mapped[bool]
    """Whether an account of theirs is among those without supply; false tells that one no longer is."""
    told_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
