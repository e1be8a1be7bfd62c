"""A person's move from one phone number to another: by the old phone, or where it is lost by proof and waiting."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.leases import Leased
from svc_identity.base import Base
from svc_identity.vault.blind_indexes import BlindIndex
from svc_identity.vault.encryption import Encrypted


class Way(StrEnum):
    """What stands for the old phone."""

    OLD_PHONE = "old_phone"
    """A code that was sent there, or the person's second factor."""
    LOST = "lost"
    """Name, ID number and a waiting time, in which the old phone can stop it."""


class ChangeStatus(StrEnum):
    STARTED = "started"
    WAITING = "waiting"
    COMPLETED = "completed"
    STOPPED = "stopped"
    VOID = "void"


class EndReason(StrEnum):
    BY_PERSON = "by_person"
    BY_OLD_PHONE = "by_old_phone"
    CONTESTED = "contested"
    """Somebody else proved the same name and ID number with another phone."""
    OVERTAKEN = "overtaken"
    """What it rests on is no longer so: the phone, a second factor, a role, a suspension, a closure."""
    NUMBER_TAKEN = "number_taken"
    """The new number became somebody else's meanwhile."""


TRANSITIONS: dict[ChangeStatus, set[ChangeStatus]] = {
    ChangeStatus.STARTED: {ChangeStatus.WAITING, ChangeStatus.COMPLETED, ChangeStatus.VOID},
    ChangeStatus.WAITING: {ChangeStatus.COMPLETED, ChangeStatus.STOPPED, ChangeStatus.VOID},
    ChangeStatus.COMPLETED: set(),
    ChangeStatus.STOPPED: set(),
    ChangeStatus.VOID: set(),
}
_LIVE = "status IN ('started', 'waiting')"


class PhoneChange(Base):
    """A change of phone. Both numbers are erased when it ends; one that only began is deleted after a day."""

    __tablename__ = "phone_changes"
    __table_args__ = (
        one_of("way", Way),
        one_of("status", ChangeStatus),
        CheckConstraint("status = 'started' OR person_id IS NOT NULL", name="person"),
        CheckConstraint("(status = 'waiting') <= (completes_at IS NOT NULL AND stop_hash IS NOT NULL)", name="waiting"),
        CheckConstraint(f"({_LIVE}) = (ended_at IS NULL)", name="ended"),
        CheckConstraint(
            f"num_nulls(new_phone, new_index) = CASE WHEN {_LIVE} THEN 0 ELSE 2 END "
            f"AND (({_LIVE}) OR num_nulls(old_phone, old_index) = 2)",
            name="erased",
        ),
        CheckConstraint("(status IN ('stopped', 'void')) = (end_reason IS NOT NULL)", name="reason"),
        Index("uq_phone_changes_waiting", "person_id", unique=True, postgresql_where=text("status = 'waiting'")),
        Index("ix_phone_changes_completes_at", "completes_at", postgresql_where=text("status = 'waiting'")),
        Index("ix_phone_changes_person_id", "person_id"),
        Index("ix_phone_changes_created_at", "created_at", postgresql_where=text("status = 'started'")),
        Index("ix_phone_changes_stop_hash", "stop_hash"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    """None until the codes were right, where it began on a page."""
    way: Mapped[Way] = mapped_column(Text)
    status: Mapped[ChangeStatus] = mapped_column(Text, default=ChangeStatus.STARTED)
    browser_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    sign_in_id: Mapped[UUID | None]
    """The sign-in that began it through the API, and alone can finish it."""
    language: Mapped[str] = mapped_column(Text)
    old_phone: Mapped[str | None] = mapped_column(Encrypted("phone_changes.old_phone"))
    old_index: Mapped[bytes | None] = mapped_column(BlindIndex("persons.phone"))
    new_phone: Mapped[str | None] = mapped_column(Encrypted("phone_changes.new_phone"))
    new_index: Mapped[bytes | None] = mapped_column(BlindIndex("persons.phone"))
    old_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    new_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """Of the codes that were sent to the two numbers."""
    codes_expire_at: Mapped[datetime] = mapped_column(Timestamp)
    codes_passed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    challenge: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What a passkey is to sign."""
    factor_passed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """A code of a second factor is good once, also where a later answer is refused."""
    displaced_id: Mapped[UUID | None]
    """The person who had the new number when it was confirmed, and may lose it."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    completes_at: Mapped[datetime | None] = mapped_column(Timestamp)
    reminded_at: Mapped[datetime | None] = mapped_column(Timestamp)
    stop_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    end_reason: Mapped[EndReason | None] = mapped_column(Text)

    def move_to(self, status: ChangeStatus, reason: EndReason | None = None) -> None:
        self.status = checked_move(TRANSITIONS, ChangeStatus(self.status), status)
        if status is not ChangeStatus.WAITING:
            self.ended_at, self.end_reason = now(), reason
            self.old_phone = self.old_index = self.new_phone = self.new_index = None


class ProofTry(Base):
    """A wrong name or ID number for a lost phone, counted by who tries and by whose it is."""

    __tablename__ = "phone_proof_tries"
    __table_args__ = (
        Index("ix_phone_proof_tries_new_index_tried_at", "new_index", "tried_at"),
        Index("ix_phone_proof_tries_old_index_tried_at", "old_index", "tried_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    new_index: Mapped[bytes] = mapped_column(BlindIndex("persons.phone"))
    old_index: Mapped[bytes] = mapped_column(BlindIndex("persons.phone"))
    tried_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class PhoneNotice(Leased, Base):
    """A message to a number about its change; kept until it has left."""

    __tablename__ = "phone_notices"
    __table_args__ = (Index("ix_phone_notices_try_at", "try_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    phone: Mapped[str] = mapped_column(Encrypted("phone_notices.phone"))
    template: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    change_id: Mapped[UUID | None]
    """The change that waits until this message has left."""
    link: Mapped[str] = mapped_column(Encrypted("phone_notices.link"))
    """Where the change can be stopped; empty where it cannot."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
