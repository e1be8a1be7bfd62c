from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_identity.base import Base
from svc_identity.organisations.models import EVERY_ROLE, TWO_PERSON_ROLES

PROPOSAL_LIFE = timedelta(days=7)


class Action(StrEnum):
    GRANT = "grant"
    REMOVAL = "removal"
    RENEWAL = "renewal"
    """The role is kept for longer."""
    EXPIRY = "expiry"
    """The role reached its end and was not renewed."""


class Status(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    """The role was granted or removed."""
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    """Rejected by its own proposer."""
    EXPIRED = "expired"


TRANSITIONS: dict[Status, set[Status]] = {
    Status.PROPOSED: {Status.APPROVED, Status.REJECTED, Status.WITHDRAWN, Status.EXPIRED},
    Status.APPROVED: set(),
    Status.REJECTED: set(),
    Status.WITHDRAWN: set(),
    Status.EXPIRED: set(),
}

_BY_ONE_PERSON = " OR ".join(
    (
        # By command on the server, for the first operators of a platform; by time; or with a lost identity.
        "proposed_by IS NULL",
        f"role NOT IN ({', '.join(repr(role.value) for role in sorted(TWO_PERSON_ROLES))})",
    )
)


class RoleChange(Base):
    """A role granted to a person, or removed from one: who proposed it, who decided, when and why."""

    __tablename__ = "role_changes"
    __table_args__ = (
        one_of("action", Action),
        one_of("status", Status),
        one_of("role", EVERY_ROLE),
        second_person_check("decided_by", "proposed_by", unless="status = 'withdrawn'"),
        CheckConstraint(f"status <> 'approved' OR decided_by IS NOT NULL OR {_BY_ONE_PERSON}", name="decided"),
        CheckConstraint("status <> 'approved' OR membership_id IS NOT NULL", name="carried_out"),
        # One open proposal for the same change.
        Index(
            "uq_role_changes_open",
            *("organisation_id", "person_id", "role", "action"),
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index("ix_role_changes_person_id", "person_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    action: Mapped[Action] = mapped_column(Text)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    role: Mapped[str] = mapped_column(Text)
    membership_id: Mapped[UUID | None] = mapped_column(ForeignKey("memberships.id"))
    until: Mapped[date | None] = mapped_column(Date)
    """The last day of a role that is granted or renewed; a year from then on where none was asked for."""
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[Status] = mapped_column(Text, default=Status.PROPOSED)
    proposed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, wanted: Status) -> None:
        self.status = checked_move(TRANSITIONS, Status(self.status), wanted)

    @property
    def by_lost_identity(self) -> bool:
        """Whether the role ends because its holder lost the identity it was granted to."""
        return self.action == Action.REMOVAL and self.proposed_by is None

    @property
    def expires_at(self) -> datetime:
        return self.proposed_at + PROPOSAL_LIFE
