from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_identity.base import Base
from svc_identity.vault.blind_indexes import BlindIndex


class Method(StrEnum):
    FACE = "face"
    NETWORK_CERTIFICATE = "network_certificate"
    """The certificate of the national network identity service."""


class VerificationStatus(StrEnum):
    BEGUN = "begun"
    PASSED = "passed"
    FAILED = "failed"
    EXPIRED = "expired"
    """Not finished in time."""


class Reason(StrEnum):
    """Why a verification failed."""

    OTHER_PERSON = "other_person"
    """The face or the certificate is somebody else's."""
    NOT_ALIVE = "not_alive"
    """A picture, a mask or a recording was shown."""
    DECLINED = "declined"
    OTHER_REQUEST = "other_request"
    """The result belongs to another request, another name or another ID number than was asked about."""
    CODE_REFUSED = "code_refused"
    IDENTITY_CHANGED = "identity_changed"
    """The person has another name or number by now, or the claim is closed."""
    UNAVAILABLE = "unavailable"
    """The outside system did not begin it; costs no try."""


TRANSITIONS: dict[VerificationStatus, set[VerificationStatus]] = {
    VerificationStatus.BEGUN: {VerificationStatus.PASSED, VerificationStatus.FAILED, VerificationStatus.EXPIRED},
    VerificationStatus.PASSED: set(),
    VerificationStatus.FAILED: set(),
    VerificationStatus.EXPIRED: set(),
}


class Verification(Base):
    """One check of a face or a network identity certificate. Holds no image, no name and no number in the clear."""

    __tablename__ = "verifications"
    __table_args__ = (
        one_of("method", Method),
        one_of("status", VerificationStatus),
        one_of("reason", Reason),
        CheckConstraint("(status = 'begun') = (finished_at IS NULL)", name="finished"),
        CheckConstraint("(status = 'failed') = (reason IS NOT NULL)", name="reason_of_failed"),
        CheckConstraint("valid_until IS NULL OR status = 'passed'", name="valid_when_passed"),
        Index("ix_verifications_person_id_begun_at", "person_id", "begun_at"),
        Index("ix_verifications_id_number_index", "id_number_index"),
        Index("ix_verifications_begun", "expires_at", postgresql_where=text("status = 'begun'")),
        Index(
            "uq_verifications_in_force",
            "person_id",
            unique=True,
            postgresql_where=text("valid_until IS NOT NULL AND ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    method: Mapped[Method] = mapped_column(Text)
    status: Mapped[VerificationStatus] = mapped_column(Text, default=VerificationStatus.BEGUN)
    reason: Mapped[Reason | None] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(Text)
    """The app in which it was begun."""
    claim_id: Mapped[UUID | None] = mapped_column(ForeignKey("identity_claims.id"))
    """The claim whose name and number are verified, where the person has proved none yet."""
    id_number_index: Mapped[bytes | None] = mapped_column(BlindIndex("persons.id_number"))
    session_id: Mapped[str | None] = mapped_column(Text)
    """Of the outside system; None once the verification is over."""
    network_index: Mapped[bytes | None] = mapped_column(BlindIndex("verifications.network_number"))
    """Hash of the person's network identity number, which is pairwise for this platform."""
    begun_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)
    valid_until: Mapped[datetime | None] = mapped_column(Timestamp)
    """How long the level 3 that it gave lasts; None where it gave none."""
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When that level 3 ended, also before its time."""

    def move_to(self, wanted: VerificationStatus, reason: Reason | None = None) -> None:
        self.status = checked_move(TRANSITIONS, VerificationStatus(self.status), wanted)
        self.reason, self.session_id, self.finished_at = reason, None, now()
        if self.status != VerificationStatus.PASSED:
            self.id_number_index = self.network_index = None

    def end(self) -> None:
        """Level 3 by this verification is over."""
        self.ended_at = now()
        self.id_number_index = self.network_index = None
