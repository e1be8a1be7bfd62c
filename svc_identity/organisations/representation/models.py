"""Organisations that their legal representative has claimed, and the questions to the registry that led there."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from svc_identity.base import Base


class RepresentedOrganisation(Base):
    """An organisation that acts here through its legal representative. One for each USCC, whoever asks first."""

    __tablename__ = "represented_organisations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    uscc: Mapped[str] = mapped_column(Text, unique=True)
    representative_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"), index=True)
    """Whom the registry named as the representative when it was last asked; None once they lost that identity."""
    claimed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    revision: Mapped[int] = mapped_column(default=1)
    """Counts the changes of the representative; the events carry it."""


def authority_id(organisation_id: UUID, revision: int) -> str:
    """Names in tokens the authority of one representative of an organisation."""
    return f"{organisation_id}/{revision}"


class Outcome(StrEnum):
    """The legal-entity registry's answer; `pending` until it arrives, and for ever if the process died before."""

    PENDING = "pending"
    MATCH = "match"
    NO_MATCH = "no_match"
    NO_RECORD = "no_record"
    REVOKED = "revoked"
    UNAVAILABLE = "unavailable"


class RepresentationCheck(Base):
    """One question whether a person represents an organisation, kept so that they can be counted."""

    __tablename__ = "representation_checks"
    __table_args__ = (
        one_of("outcome", Outcome),
        Index("ix_representation_checks_person_id_started_at", "person_id", "started_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    uscc: Mapped[str] = mapped_column(Text)
    outcome: Mapped[Outcome] = mapped_column(Text, default=Outcome.PENDING)
    started_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
