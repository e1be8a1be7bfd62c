from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from svc_identity.base import Base
from svc_identity.vault.blind_indexes import BlindIndex


class Outcome(StrEnum):
    """The population registry's answer; `pending` until it arrives, and for ever if the process died before."""

    PENDING = "pending"
    MATCH = "match"
    NO_MATCH = "no_match"
    NO_RECORD = "no_record"
    UNAVAILABLE = "unavailable"


class ProofingAttempt(Base):
    """One question to the population registry, kept so that they can be counted."""

    __tablename__ = "proofing_attempts"
    __table_args__ = (
        one_of("outcome", Outcome),
        Index("ix_proofing_attempts_person_id_started_at", "person_id", "started_at"),
        Index("ix_proofing_attempts_id_number_index_started_at", "id_number_index", "started_at"),
        Index("ix_proofing_attempts_remembered", "started_at", postgresql_where=text("id_number_index <> ''")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    id_number_index: Mapped[bytes] = mapped_column(BlindIndex("persons.id_number"))
    """Empty after a day: no limit counts it any longer."""
    outcome: Mapped[Outcome] = mapped_column(Text, default=Outcome.PENDING)
    started_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
