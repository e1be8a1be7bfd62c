"""Bindings of persons to utility accounts, and the attestations used for them."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_services.base import Base


class Role(StrEnum):
    OWNER = "owner"
    """The holder, whom the provider has confirmed."""
    FAMILY = "family"
    """Invited by the owner; sees and pays all bills."""
    TENANT = "tenant"
    """Invited by the owner; sees and pays the bills of the tenancy."""


class Right(StrEnum):
    SEE_BILLS = "see_bills"
    PAY = "pay"
    AUTO_PAY = "auto_pay"
    READ_METER = "read_meter"
    INVITE = "invite"
    APPLY = "apply"
    """For a transfer, a closure and whatever else the holder asks the provider for."""


RIGHTS: dict[Role, tuple[Right, ...]] = {
    Role.OWNER: tuple(Right),
    Role.FAMILY: (Right.SEE_BILLS, Right.PAY, Right.AUTO_PAY, Right.READ_METER),
    Role.TENANT: (Right.SEE_BILLS, Right.PAY),
}


class BindingStatus(StrEnum):
    PENDING = "pending"
    """The provider is being queried."""
    ACTIVE = "active"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """The provider was queried and gave no answer."""
    ENDED = "ended"


class Refusal(StrEnum):
    ACCOUNT_NOT_FOUND = "account_not_found"
    HOLDER_DOES_NOT_MATCH = "holder_does_not_match"
    ALREADY_BOUND = "already_bound"


TRANSITIONS: dict[BindingStatus, set[BindingStatus]] = {
    BindingStatus.PENDING: {BindingStatus.ACTIVE, BindingStatus.REFUSED, BindingStatus.UNKNOWN},
    BindingStatus.UNKNOWN: {BindingStatus.PENDING, BindingStatus.ENDED},
    BindingStatus.ACTIVE: {BindingStatus.ENDED},
    BindingStatus.REFUSED: set(),
    BindingStatus.ENDED: set(),
}


class AccountBinding(Base):
    """A person's utility account at a provider. The holder's name is not kept."""

    __tablename__ = "account_bindings"
    __table_args__ = (
        one_of("status", BindingStatus),
        one_of("role", Role),
        one_of("refusal", Refusal),
        CheckConstraint("(status = 'refused') = (refusal IS NOT NULL)", name="refused"),
        CheckConstraint("(role = 'owner') = (granted_by IS NULL)", name="granted"),
        CheckConstraint("role = 'tenant' OR starts_on IS NULL", name="starts_on"),
        CheckConstraint("role <> 'owner' OR access_until IS NULL", name="access_until"),
        CheckConstraint("role = 'owner' OR prove_by IS NULL", name="prove_by"),
        Index(
            "uq_account_bindings_owner",
            "provider_id",
            "account_number",
            unique=True,
            postgresql_where=text("status = 'active' AND role = 'owner'"),
        ),
        Index(
            "uq_account_bindings_live",
            "person_id",
            "provider_id",
            "account_number",
            unique=True,
            postgresql_where=text("status IN ('pending', 'active', 'unknown')"),
        ),
        Index(None, "person_id", "asked_at"),
        Index("ix_account_bindings_granted", "granted_by", postgresql_where=text("status = 'active'")),
        Index("ix_account_bindings_timed", "access_until", postgresql_where=text("status = 'active'")),
        Index(
            "ix_account_bindings_unproved",
            "prove_by",
            postgresql_where=text("status = 'active' AND prove_by IS NOT NULL"),
        ),
        # For those whom an outage concerns, some at a time.
        Index("ix_account_bindings_active", "provider_id", "id", postgresql_where=text("status = 'active'")),
        Index("ix_account_bindings_pending", "asked_at", postgresql_where=text("status = 'pending'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID]
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    account_number: Mapped[str] = mapped_column(Text)
    role: Mapped[Role] = mapped_column(Text, default=Role.OWNER)
    status: Mapped[BindingStatus] = mapped_column(Text, default=BindingStatus.PENDING)
    refusal: Mapped[Refusal | None] = mapped_column(Text)
    request_id: Mapped[UUID] = mapped_column(default=new_id)
    """The id of the latest query to the provider; answers to earlier ones are ignored."""
    asked_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    activated_at: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    held_until: Mapped[date | None]
    """The last day as holder, where the account changed hands; its bills until then stay visible."""
    proved_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the provider last confirmed the holder anew."""
    prove_by: Mapped[date | None]
    """The last day for the holder to be confirmed anew; the binding ends after it."""
    granted_by: Mapped[UUID | None] = mapped_column(ForeignKey("account_bindings.id"))
    """The owner's binding by which an invited person has access; theirs ends with it."""
    starts_on: Mapped[date | None]
    """The first day of a tenancy."""
    access_until: Mapped[date | None]
    """The last day of an invited person's access; none if it has no end."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)

    def move_to(self, status: BindingStatus) -> None:
        self.status = checked_move(TRANSITIONS, BindingStatus(self.status), status)

    def ask(self) -> None:
        """Begin another query to the provider."""
        self.move_to(BindingStatus.PENDING)
        self.request_id, self.asked_at = new_id(), now()

    def activate(self) -> None:
        self.move_to(BindingStatus.ACTIVE)
        self.activated_at = now()

    def refuse(self, because: Refusal) -> None:
        self.move_to(BindingStatus.REFUSED)
        self.refusal = because

    def end(self, held_until: date | None = None) -> None:
        self.move_to(BindingStatus.ENDED)
        self.ended_at, self.held_until = now(), held_until


class UsedAttestation(Base):
    """A used attestation; kept until it would have expired."""

    __tablename__ = "used_attestations"

    jti: Mapped[str] = mapped_column(Text, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Timestamp, index=True)
