from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id
from svc_identity.base import Base


class SigningKeyTerm(Base):
    """A time in which processes signed with a key; only its public part is kept, so that tokens of then can be checked.

    Two terms overlap while processes restart one after the other.
    """

    __tablename__ = "signing_key_terms"
    __table_args__ = (Index("ix_signing_key_terms_kid_began_at", "kid", "began_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kid: Mapped[str] = mapped_column(Text)
    jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    began_at: Mapped[datetime] = mapped_column(Timestamp)
    seen_at: Mapped[datetime] = mapped_column(Timestamp)
    """When a process last signed with it, give or take `service.EVERY_SECONDS`."""
