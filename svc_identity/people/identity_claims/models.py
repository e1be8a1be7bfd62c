from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_identity.base import Base
from svc_identity.vault.blind_indexes import BlindIndex
from svc_identity.vault.encryption import Encrypted

CLAIM_LIFE = timedelta(days=30)


class ClaimStatus(StrEnum):
    OPEN = "open"
    REVIEWED = "reviewed"
    """A clerk has seen the document; a supervisor of the same counter has to confirm the verdict."""
    DECIDED = "decided"
    VERIFIED = "verified"
    """The number is the claimant's, whose face or network identity certificate it is; the holder had level 2 only."""
    WITHDRAWN = "withdrawn"
    """By its claimant, also by proving another number."""
    EXPIRED = "expired"


class Verdict(StrEnum):
    UPHELD = "upheld"
    """The number is the claimant's."""
    REJECTED = "rejected"
    """The number stays where it is."""


LIVE = (ClaimStatus.OPEN, ClaimStatus.REVIEWED)
TRANSITIONS: dict[ClaimStatus, set[ClaimStatus]] = {
    ClaimStatus.OPEN: {ClaimStatus.REVIEWED, ClaimStatus.VERIFIED, ClaimStatus.WITHDRAWN, ClaimStatus.EXPIRED},
    ClaimStatus.REVIEWED: {ClaimStatus.OPEN, ClaimStatus.DECIDED, ClaimStatus.WITHDRAWN, ClaimStatus.EXPIRED},
    ClaimStatus.DECIDED: set(),
    ClaimStatus.VERIFIED: set(),
    ClaimStatus.WITHDRAWN: set(),
    ClaimStatus.EXPIRED: set(),
}
_LIVE = "status IN ('open', 'reviewed')"
_REVIEW = "verdict, reason, organisation_id, reviewed_by, reviewed_at"


class IdentityClaim(Base):
    """A person's claim on an ID number that another one has proved. Name and number are erased when it is closed."""

    __tablename__ = "identity_claims"
    __table_args__ = (
        one_of("status", ClaimStatus),
        one_of("verdict", Verdict),
        second_person_check("decided_by", "reviewed_by"),
        CheckConstraint("claimant_id <> holder_id", name="two_persons"),
        CheckConstraint(f"num_nulls({_REVIEW}) IN (0, 5)", name="review_whole"),
        CheckConstraint(f"status NOT IN ('reviewed', 'decided') OR num_nulls({_REVIEW}) = 0", name="reviewed"),
        CheckConstraint(
            "(status = 'decided') = (decided_by IS NOT NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="decided",
        ),
        CheckConstraint(
            f"num_nulls(name, id_number, id_number_index) = CASE WHEN {_LIVE} THEN 0 ELSE 3 END", name="erased"
        ),
        Index("uq_identity_claims_live", "claimant_id", unique=True, postgresql_where=text(_LIVE)),
        Index("ix_identity_claims_claimant_id_id", "claimant_id", "id"),
        Index("ix_identity_claims_opened_at", "opened_at", postgresql_where=text(_LIVE)),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(Text, unique=True)
    """Eight digits, by which the claimant names it at a counter."""
    claimant_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    """Who had proved the number when the claim was opened, and when it was decided."""
    name: Mapped[str | None] = mapped_column(Encrypted("identity_claims.name"), deferred=True, deferred_raiseload=True)
    id_number: Mapped[str | None] = mapped_column(
        Encrypted("identity_claims.id_number"), deferred=True, deferred_raiseload=True
    )
    id_number_index: Mapped[bytes | None] = mapped_column(BlindIndex("persons.id_number"))
    status: Mapped[ClaimStatus] = mapped_column(Text, default=ClaimStatus.OPEN)
    opened_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    verdict: Mapped[Verdict | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    """Of the counter at which the document was shown."""
    reviewed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    reviewed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    return_reason: Mapped[str | None] = mapped_column(Text)
    """Why a supervisor did not confirm the last verdict."""
    returned_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, wanted: ClaimStatus) -> None:
        self.status = checked_move(TRANSITIONS, ClaimStatus(self.status), wanted)
        if self.status not in LIVE:
            self.name = self.id_number = self.id_number_index = None

    @property
    def expires_at(self) -> datetime:
        return self.opened_at + CLAIM_LIFE

    @property
    def is_live(self) -> bool:
        return self.status in LIVE and now() < self.expires_at
