"""Published tariffs of components: a read model fed by svc_services' events."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from svc_payments.base import Base


class TariffPlan(Base):
    """One version of a plan, in force until the next one of the same class and code."""

    __tablename__ = "tariff_plans"
    __table_args__ = (Index(None, "provider_id", "effective_from"),)

    tariff_id: Mapped[UUID] = mapped_column(primary_key=True)
    provider_id: Mapped[UUID]
    """Without a foreign key: a plan may be here before its provider."""
    customer_class: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[dict[str, str]] = mapped_column(JSONB)
    effective_from: Mapped[date]
    rules: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """As the event has them; components of a later type are kept and explain nothing here."""
    measures: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """What it prices by the unit, such as m3."""
    published_at: Mapped[datetime] = mapped_column(Timestamp)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Before its day; it explains no bill."""
