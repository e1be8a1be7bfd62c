"""What a guardian agrees to for a child, and claims to be a guardian that a counter decides."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from svc_identity.base import Base
from svc_identity.vault.blind_indexes import BlindIndex


class GuardianConsent(Base):
    """A guardian's consent that a child's name and ID number are processed (PIPL 29 and 31), given before they are."""

    __tablename__ = "guardian_consents"
    __table_args__ = (
        Index("ix_guardian_consents_guardian_id", "guardian_id"),
        Index("ix_guardian_consents_child_index", "child_index"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    guardian_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    child_index: Mapped[bytes] = mapped_column(BlindIndex("persons.id_number"))
    """Of the child's ID number, which the registry has not confirmed yet."""
    version: Mapped[str] = mapped_column(Text)
    """Of the privacy notice."""
    language: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(Text)
    given_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class GuardianClaim(Base):
    """An identity claim in which the claimant says that they are the guardian of the child with the number."""

    __tablename__ = "guardian_claims"

    id: Mapped[UUID] = mapped_column(ForeignKey("identity_claims.id"), primary_key=True)
