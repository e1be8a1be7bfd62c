from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from svc_identity.base import Base
from svc_identity.vault.blind_indexes import BlindIndex
from svc_identity.vault.encryption import Encrypted

PHONE_ONLY, PROOFED, VERIFIED = 1, 2, 3
"""Assurance levels: the phone is known to be theirs; name and ID number agree with the population registry; their face
or network identity certificate belongs to them."""


class Person(Base):
    """A resident. What is personal is never loaded by accident: `read_personal_data` reads it and logs the read."""

    __tablename__ = "persons"
    __table_args__ = (
        CheckConstraint("assurance_level BETWEEN 1 AND 3", name="assurance_level"),
        CheckConstraint("(phone IS NULL) = (phone_index IS NULL)", name="phone_whole"),
        CheckConstraint(
            "num_nulls(name, id_number, id_number_index, proofed_at) = CASE WHEN assurance_level = 1 THEN 4 ELSE 0 END",
            name="proofed_whole",
        ),
        CheckConstraint("(assurance_level = 3) = (verified_until IS NOT NULL)", name="verified_whole"),
        CheckConstraint("closed_at IS NULL OR phone IS NULL", name="phone_until_closed"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    phone: Mapped[str | None] = mapped_column(Encrypted("persons.phone"), deferred=True, deferred_raiseload=True)
    """None where the number was given to somebody else, or the account is closed."""
    phone_index: Mapped[bytes | None] = mapped_column(BlindIndex("persons.phone"), unique=True)
    name: Mapped[str | None] = mapped_column(Encrypted("persons.name"), deferred=True, deferred_raiseload=True)
    id_number: Mapped[str | None] = mapped_column(
        Encrypted("persons.id_number"), deferred=True, deferred_raiseload=True
    )
    id_number_index: Mapped[bytes | None] = mapped_column(BlindIndex("persons.id_number"), unique=True)
    assurance_level: Mapped[int] = mapped_column(SmallInteger, default=PHONE_ONLY)
    """May be 3 for some seconds longer than it holds: `level` is what holds now."""
    proofed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    verified_until: Mapped[datetime | None] = mapped_column(Timestamp)
    """When level 3 ends. A trigger of the database ends it as soon as the phone is another one or none."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    closed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """From then on nobody is behind this id."""

    @property
    def level(self) -> int:
        """The assurance level that holds now."""
        is_over = self.verified_until is not None and self.verified_until <= now()
        return PROOFED if is_over else self.assurance_level

    def remember_proof(self, name: str | None, id_number: str | None, index: bytes | None) -> None:
        """Level 2, by a name and an ID number that the population registry has together."""
        self.name, self.id_number, self.id_number_index = name, id_number, index
        self.assurance_level, self.proofed_at, self.verified_until = PROOFED, now(), None

    def verify_until(self, until: datetime) -> None:
        """Level 3, until a time."""
        self.assurance_level, self.verified_until = VERIFIED, until

    def end_verification(self) -> None:
        """Back to level 2 from level 3; other levels stay."""
        if self.assurance_level == VERIFIED:
            self.assurance_level, self.verified_until = PROOFED, None

    def forget_proof(self) -> None:
        """Back to level 1."""
        self.remember_proof(None, None, None)
        self.assurance_level, self.proofed_at = PHONE_ONLY, None

    def forget_all(self) -> None:
        """Erase everything personal; the id stays for what refers to it, and the phone may register anew."""
        self.forget_proof()
        self.phone, self.phone_index, self.closed_at = None, None, now()
