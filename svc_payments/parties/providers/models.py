"""What this service knows of providers and their tariffs: a read model fed by svc_services' events."""

from datetime import date, datetime
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from kit.fields.customer_parameters import TEN_DIGITS
from svc_payments.base import Base

PAYEE = "payee"
"""The kind of a provider for which mini-apps collect: it has no outside system, and the platform keeps its books."""


class Provider(Base):
    __tablename__ = "providers"

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    endpoint_url: Mapped[str] = mapped_column(Text)
    as_of: Mapped[datetime] = mapped_column(Timestamp)
    """When the event happened that these values come from."""
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    """Of the provider's connection in svc_services; 0 as approved."""
    suspended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """While set, its client is refused, and nothing is sent to its endpoint."""
    customer_parameters: Mapped[dict[str, Any]] = mapped_column(
        JSONB, default=TEN_DIGITS.model_dump(mode="json"), server_default=TEN_DIGITS.model_dump_json()
    )
    """How its account numbers look."""
    ended_keys: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    """RFC 7638 thumbprints of keys whose access tokens are refused."""


class Tier(TypedDict):
    """One step of a tariff: up to this quantity in a period (None: without end), yuan per unit."""

    up_to: str | None
    unit_price: str


class Tariff(Base):
    __tablename__ = "tariffs"
    __table_args__ = (Index(None, "provider_id", "effective_from"),)

    tariff_id: Mapped[UUID] = mapped_column(primary_key=True)
    # No foreign key: events of two nouns come in any order, so a tariff may be here before its provider.
    provider_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    customer_class: Mapped[str] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(Text)
    effective_from: Mapped[date]
    tiers: Mapped[list[Tier]] = mapped_column(JSONB)
    fixed_fee_fen: Mapped[int] = mapped_column(BigInteger)
    published_at: Mapped[datetime] = mapped_column(Timestamp)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Before its day; it explains no bill."""
