"""Invitations of an owner to family and tenants. Neither the code nor the invited name is kept in readable form."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_services.accounts.bindings.models import AccountBinding, Role
from svc_services.base import Base


class InvitationStatus(StrEnum):
    OPEN = "open"
    """Also one whose time is over: nobody can accept it any more."""
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    """By the owner, or with the owner's binding."""
    BLOCKED = "blocked"
    """People of other names tried its code too often."""


TRANSITIONS: dict[InvitationStatus, set[InvitationStatus]] = {
    InvitationStatus.OPEN: {InvitationStatus.ACCEPTED, InvitationStatus.WITHDRAWN, InvitationStatus.BLOCKED},
    InvitationStatus.ACCEPTED: set(),
    InvitationStatus.WITHDRAWN: set(),
    InvitationStatus.BLOCKED: set(),
}


class AccountInvitation(Base):
    __tablename__ = "account_invitations"
    __table_args__ = (
        one_of("status", InvitationStatus),
        CheckConstraint("role IN ('family', 'tenant')", name="role"),
        CheckConstraint("(status = 'accepted') = (accepted_as IS NOT NULL)", name="accepted"),
        CheckConstraint("(status = 'open') = (decided_at IS NULL)", name="decided"),
        Index(None, "binding_id", "id"),
        Index("ix_account_invitations_open", "binding_id", postgresql_where=text("status = 'open'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    binding_id: Mapped[UUID] = mapped_column(ForeignKey("account_bindings.id"))
    """The owner's."""
    role: Mapped[Role] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text)
    """What the owner calls the invited person."""
    starts_on: Mapped[date | None]
    access_until: Mapped[date | None]
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    """SHA-256 of the code: reading this table gives no access to accounts."""
    name_mac: Mapped[bytes] = mapped_column(LargeBinary)
    """Of the invited name, keyed by the code: it cannot be guessed from this table."""
    status: Mapped[InvitationStatus] = mapped_column(Text, default=InvitationStatus.OPEN)
    tries: Mapped[int] = mapped_column(default=0)
    """By people of other names."""
    accepted_as: Mapped[UUID | None] = mapped_column(ForeignKey("account_bindings.id"), index=True)
    """The binding of the invited person."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def decide(self, status: InvitationStatus) -> None:
        self.status = checked_move(TRANSITIONS, InvitationStatus(self.status), status)
        self.decided_at = now()


async def withdraw_all(tx: AsyncSession, binding_id: UUID) -> None:
    """Withdraw the open invitations of an owner's binding."""
    still_open = update(AccountInvitation).where(
        AccountInvitation.binding_id == binding_id, AccountInvitation.status == InvitationStatus.OPEN
    )
    await tx.execute(still_open.values(status=InvitationStatus.WITHDRAWN, decided_at=now()))


async def erase_words(tx: AsyncSession, person_id: UUID) -> None:
    """Overwrite what a person wrote about others, and what was written about them.

    The hash of the code is replaced too: the trail hashes the label together with it.
    """
    of_person = select(AccountBinding.id).where(AccountBinding.person_id == person_id)
    about = AccountInvitation.binding_id.in_(of_person) | AccountInvitation.accepted_as.in_(of_person)
    forgotten = func.uuid_send(func.gen_random_uuid())
    await tx.execute(update(AccountInvitation).where(about).values(label="", code_hash=forgotten, name_mac=b""))
