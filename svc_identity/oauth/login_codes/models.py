from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, now
from svc_identity.base import Base


class LoginCode(Base):
    """A code by which the server of a mini-app learns who has opened it; good once, for five minutes."""

    __tablename__ = "login_codes"
    __table_args__ = (Index("ix_login_codes_person_id_client_id", "person_id", "client_id"),)

    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    """Of the mini-app."""
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    opened_by: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    """The app of the platform in which it was opened."""
    sid: Mapped[str] = mapped_column(Text)
    """The sign-in there, without which the code is worth nothing."""
    auth_time: Mapped[int]
    acr: Mapped[str] = mapped_column(Text)
    amr: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    expires_at: Mapped[datetime] = mapped_column(Timestamp, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Timestamp)
