"""Second factors: authenticator apps (RFC 6238) and passkeys (WebAuthn), and what stands in for a lost one.

A factor is vouched for when it was set up with an enrolment code, or by somebody who had signed in with such a factor.
Roles enter tokens only by factors that are, so that a stolen phone number never becomes a member of staff.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from svc_identity.base import Base
from svc_identity.people.notices import Notice
from svc_identity.vault.encryption import Encrypted

ENROLMENT_LIFE = timedelta(hours=24)


class FactorKind(StrEnum):
    TOTP = "totp"
    """Codes of an authenticator app."""
    PASSKEY = "passkey"


class What(StrEnum):
    """What a notice tells; the template of its SMS."""

    ADDED = "factor_added"
    REMOVED = "factor_removed"


class Factor(Base):
    """Something a person has beside their phone number. A removed one keeps its row and loses its key."""

    __tablename__ = "factors"
    __table_args__ = (
        one_of("kind", FactorKind),
        CheckConstraint(
            "(secret IS NOT NULL) = (kind = 'totp' AND removed_at IS NULL) "
            "AND (public_key IS NOT NULL) = (kind = 'passkey' AND removed_at IS NULL)",
            name="key",
        ),
        Index("ix_factors_person_id", "person_id"),
        Index("uq_factors_credential_id", "credential_id", unique=True, postgresql_where=text("removed_at IS NULL")),
        Index("ix_factors_removed_at", "removed_at", postgresql_where=text("removed_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    kind: Mapped[FactorKind] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    """What its owner calls it."""
    secret: Mapped[str | None] = mapped_column(Encrypted("factors.secret"))
    """Key of an authenticator app, base32."""
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    """Time step of the newest code that was used; only later ones are good."""
    credential_id: Mapped[bytes | None] = mapped_column(LargeBinary)
    public_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    """COSE key of a passkey."""
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    vouched_at: Mapped[datetime | None] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    used_at: Mapped[datetime | None] = mapped_column(Timestamp)
    removed_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def remove(self) -> None:
        self.secret = self.public_key = None
        self.removed_at = now()


class FactorNotice(Notice, Base):
    """The owner of a factor that came or went is to be told by SMS; kept until the message has left."""

    __tablename__ = "factor_notices"
    __table_args__ = (one_of("what", What), Index("ix_factor_notices_try_at", "try_at"))


class FactorTries(Base):
    """Wrong codes of a person since their last right one, within a window."""

    __tablename__ = "factor_tries"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    wrong: Mapped[int] = mapped_column(SmallInteger, default=0)
    since: Mapped[datetime] = mapped_column(Timestamp, default=now)


class RecoveryCode(Base):
    """Signs in once in the place of a lost factor; stored as a keyed hash."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index("uq_recovery_codes_person_id_code_hash", "person_id", "code_hash", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    used_at: Mapped[datetime | None] = mapped_column(Timestamp)


class EnrolmentCode(Base):
    """Lets a person who holds a role set up their first factor; good once, within `ENROLMENT_LIFE`."""

    __tablename__ = "enrolment_codes"
    __table_args__ = (Index("ix_enrolment_codes_person_id", "person_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    reason: Mapped[str] = mapped_column(Text)
    issued_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    """None for codes of the command on the server."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    used_at: Mapped[datetime | None] = mapped_column(Timestamp)
