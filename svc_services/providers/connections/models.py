"""Changes of a provider's connection: who asked, who decided, when and why. Ended keys and used proofs."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_services.base import Base

PROPOSAL_LIFE = timedelta(days=7)


class Action(StrEnum):
    SUSPEND = "suspend"
    RESUME = "resume"
    ADD_KEY = "add_key"
    END_KEY = "end_key"
    LIMIT_KEY = "limit_key"
    FETCH_KEYS = "fetch_keys"
    CORRECT_ENDPOINT = "correct_endpoint"
    DECLARE_CUSTOMER_PARAMETERS = "declare_customer_parameters"
    CORRECT_CONTACT = "correct_contact"
    CORRECT_DETAILS = "correct_details"
    """What the company is and where it serves: the company asks, two operators decide."""
    STOP_KEY = "stop_key"
    """A leaked key is ended by one operator or security officer alone."""


class ChangeStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    """The change is in effect."""
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    """Rejected by its own proposer."""


TRANSITIONS: dict[ChangeStatus, set[ChangeStatus]] = {
    ChangeStatus.PROPOSED: {ChangeStatus.APPROVED, ChangeStatus.REJECTED, ChangeStatus.WITHDRAWN},
    ChangeStatus.APPROVED: set(),
    ChangeStatus.REJECTED: set(),
    ChangeStatus.WITHDRAWN: set(),
}


class ProviderChange(Base):
    """A change by the company takes effect at once; one by an operator needs another, but to suspend or stop a key."""

    __tablename__ = "provider_changes"
    __table_args__ = (
        one_of("action", Action),
        one_of("status", ChangeStatus),
        second_person_check("decided_by", "proposed_by", unless="status = 'withdrawn'"),
        CheckConstraint(
            "num_nonnulls(company_key, admin_id) = CASE WHEN proposed_by IS NULL THEN 1 "
            "WHEN action = 'correct_details' THEN num_nonnulls(company_key, admin_id) ELSE 0 END",
            name="requested",
        ),
        CheckConstraint(
            "status <> 'approved' OR decided_by IS NOT NULL OR company_key IS NOT NULL OR admin_id IS NOT NULL "
            "OR action IN ('suspend', 'stop_key')",
            name="decided",
        ),
        Index(None, "provider_id", "id"),
        Index(None, "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    action: Mapped[Action] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The public key to add, the kid of the key to end or to limit, the new address or customer parameters."""
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[ChangeStatus] = mapped_column(Text, default=ChangeStatus.PROPOSED)
    company_key: Mapped[str | None] = mapped_column(Text)
    """The thumbprint of the key by which the company asked for it."""
    proposed_by: Mapped[UUID | None]
    """The operator who asked for it or took up what the company asked for, or the officer who stopped a key."""
    admin_id: Mapped[UUID | None]
    """The admin of the company who made it."""
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    provider_revision: Mapped[int]
    """The provider's revision when the change was proposed."""
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def decide(self, status: ChangeStatus, operator_id: UUID | None) -> None:
        self.status = checked_move(TRANSITIONS, ChangeStatus(self.status), status)
        self.decided_by, self.decided_at = operator_id, now()

    @property
    def expires_at(self) -> datetime:
        return self.proposed_at + PROPOSAL_LIFE


class EndedKey(Base):
    """A key that is not accepted again, under whatever kid."""

    __tablename__ = "ended_keys"

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"), primary_key=True)
    thumbprint: Mapped[str] = mapped_column(Text, primary_key=True)
    kid: Mapped[str] = mapped_column(Text)
    ended_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class UsedProof(Base):
    """A company's proof that was accepted; kept until it would have expired."""

    __tablename__ = "used_proofs"

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"), primary_key=True)
    jti_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Timestamp, index=True)
