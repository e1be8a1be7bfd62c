"""Mandates: an agent may act for an organisation, in some matters and divisions, until a day."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_identity.base import Base
from svc_identity.vault.blind_indexes import BlindIndex


class MandateScope(StrEnum):
    """In which matters an agent speaks for an organisation."""

    APPLICATIONS = "applications"
    """Applies for the organisation's connection as a provider."""


class MandateStatus(StrEnum):
    PROPOSED = "proposed"
    ACTIVE = "active"
    DECLINED = "declined"
    """By the agent."""
    WITHDRAWN = "withdrawn"
    """By the representative or the agent; `ended_by` says who. Also where one of them lost the proved identity."""
    EXPIRED = "expired"


LIVE = (MandateStatus.PROPOSED, MandateStatus.ACTIVE)
TRANSITIONS: dict[MandateStatus, set[MandateStatus]] = {
    MandateStatus.PROPOSED: {
        MandateStatus.ACTIVE,
        MandateStatus.DECLINED,
        MandateStatus.WITHDRAWN,
        MandateStatus.EXPIRED,
    },
    MandateStatus.ACTIVE: {MandateStatus.WITHDRAWN, MandateStatus.EXPIRED},
    MandateStatus.DECLINED: set(),
    MandateStatus.WITHDRAWN: set(),
    MandateStatus.EXPIRED: set(),
}


class Mandate(Base):
    """Addressed by phone and name: proposing one reveals no account, and a later owner of the number cannot accept."""

    __tablename__ = "mandates"
    __table_args__ = (
        one_of("status", MandateStatus),
        CheckConstraint("(agent_id IS NULL) = (accepted_at IS NULL)", name="accepted"),
        CheckConstraint("status <> 'active' OR agent_id IS NOT NULL", name="agent_known"),
        CheckConstraint("(status IN ('proposed', 'active')) = (ended_at IS NULL)", name="ended"),
        Index(
            "uq_mandates_live",
            "organisation_id",
            "phone_index",
            unique=True,
            postgresql_where=text("status IN ('proposed', 'active')"),
        ),
        Index("ix_mandates_organisation_id_id", "organisation_id", "id"),
        Index("ix_mandates_agent_id", "agent_id"),
        Index("ix_mandates_phone_index", "phone_index"),
        Index("ix_mandates_name_index", "name_index"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("represented_organisations.id"))
    phone_index: Mapped[bytes] = mapped_column(BlindIndex("persons.phone"))
    phone_masked: Mapped[str] = mapped_column(Text)
    name_index: Mapped[bytes] = mapped_column(BlindIndex("mandates.name"))
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    """Who accepted it."""
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    division_codes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    valid_until: Mapped[datetime] = mapped_column(Timestamp)
    status: Mapped[MandateStatus] = mapped_column(Text, default=MandateStatus.PROPOSED)
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    accepted_at: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def accept(self, agent_id: UUID) -> None:
        self.status = checked_move(TRANSITIONS, MandateStatus(self.status), MandateStatus.ACTIVE)
        self.agent_id, self.accepted_at = agent_id, now()

    def end(self, status: MandateStatus, by: UUID | None) -> None:
        self.status = checked_move(TRANSITIONS, MandateStatus(self.status), status)
        self.ended_by, self.ended_at = by, now()


class MandateReminder(Base):
    """How many events have said that a mandate ends soon; apart, as a mandate is sealed in the trail."""

    __tablename__ = "mandate_reminders"

    mandate_id: Mapped[UUID] = mapped_column(ForeignKey("mandates.id"), primary_key=True)
    reminders: Mapped[int] = mapped_column(SmallInteger)
