"""Devices without a keyboard that wait to be signed in (RFC 8628), and the codes typed for them that were wrong."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from svc_identity.base import Base
from svc_identity.oauth.contexts import BY_SMS, ONE_FACTOR
from svc_identity.vault.blind_indexes import BlindIndex


class DeviceAuthorization(Base):
    """A device that waits; its codes are stored as hashes. The `get_…` methods are those that Authlib's grant calls."""

    __tablename__ = "device_authorizations"
    __table_args__ = (
        CheckConstraint("(decided_at IS NULL) = (approved IS NULL)", name="decided"),
        CheckConstraint("approved IS NOT TRUE OR person_id IS NOT NULL", name="approved_by_somebody"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    device_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_code_index: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    network: Mapped[str] = mapped_column(Text)
    """Where the device is, as far as its network address tells without telling whose it is."""
    poll_seconds: Mapped[int] = mapped_column(SmallInteger)
    polled_at: Mapped[datetime | None] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    expires_at: Mapped[datetime] = mapped_column(Timestamp, index=True)
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    signed_in_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the person who approved had signed in, perhaps hours before: the device's sign-in counts from then."""
    approved: Mapped[bool | None]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))

    def get_scope(self) -> str:
        return " ".join(self.scopes)

    def get_nonce(self) -> None:
        return None

    def get_auth_time(self) -> int | None:
        return int(self.signed_in_at.timestamp()) if self.signed_in_at else None

    def get_acr(self) -> str:
        return ONE_FACTOR

    def get_amr(self) -> list[str]:
        return list(BY_SMS)


class WrongUserCode(Base):
    """A code for which no device waited, counted by who typed it."""

    __tablename__ = "wrong_user_codes"
    __table_args__ = (Index("ix_wrong_user_codes_source_typed_at", "source", "typed_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    source: Mapped[bytes] = mapped_column(BlindIndex("wrong_user_codes.source"))
    """Blind index of a network address or a person."""
    typed_at: Mapped[datetime] = mapped_column(Timestamp, default=now, index=True)
