from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from kit.leases import Leased
from svc_services.base import Base


class KeySource(Base):
    """Where a company publishes its keys (`jwks_uri`). Sealed, and so never deleted."""

    __tablename__ = "key_sources"

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"), primary_key=True)
    jwks_uri: Mapped[str | None] = mapped_column(Text)
    """Empty once the company brings its keys itself again."""


class KeyFetch(Leased, Base):
    """When the keys of a source are fetched next."""

    __tablename__ = "key_fetches"
    __table_args__ = (Index("ix_key_fetches_try_at", "try_at"),)

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("key_sources.provider_id"), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many fetches have failed since one succeeded."""
    tried_at: Mapped[datetime | None] = mapped_column(Timestamp)
    problem: Mapped[str | None] = mapped_column(Text)
    """Why the last fetch failed."""


class FetchedKey(Base):
    """A key that came from its company's source; only such a key ends by being missing there."""

    __tablename__ = "fetched_keys"

    thumbprint: Mapped[str] = mapped_column(ForeignKey("provider_keys.thumbprint"), primary_key=True)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("key_sources.provider_id"), index=True)
    missing_since: Mapped[datetime | None] = mapped_column(Timestamp)
