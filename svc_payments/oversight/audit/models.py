"""The audit trail: who did what, to what, why. Only ever added to, which the database enforces (migration 0003)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id
from svc_payments.base import Base


class AuditRecord(Base):
    """One act. It holds ids and codes, never personal data: it is kept longer than that may be."""

    __tablename__ = "audit_records"
    __table_args__ = (
        Index(None, "subject", "id"),
        Index(None, "actor", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    actor: Mapped[str] = mapped_column(Text)
    """The subject of the caller's token, or `system` for automatic actions."""
    action: Mapped[str] = mapped_column(Text)
    """A verb and its noun, such as `approve_refund`."""
    subject: Mapped[str] = mapped_column(Text)
    """The id of the object acted on, or of the person whose data was read."""
    reason: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
