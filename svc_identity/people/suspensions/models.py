from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from kit.approvals import second_person_check
from svc_identity.base import Base

_OPEN = text("lifted_at IS NULL")
_LIFTED = "lift_reason, lifted_by, lifted_at"


class Suspension(Base):
    """A person or a client without access: by which operator, why, and who lifted it."""

    __tablename__ = "suspensions"
    __table_args__ = (
        CheckConstraint("num_nonnulls(person_id, client_id) = 1", name="one_subject"),
        CheckConstraint(f"num_nulls({_LIFTED}) IN (0, 3)", name="lifted_whole"),
        second_person_check("lifted_by", "suspended_by"),
        Index("uq_suspensions_person_id_open", "person_id", unique=True, postgresql_where=_OPEN),
        Index("uq_suspensions_client_id_open", "client_id", unique=True, postgresql_where=_OPEN),
        Index("ix_suspensions_person_id", "person_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    client_id: Mapped[str | None] = mapped_column(ForeignKey("clients.client_id"))
    reason: Mapped[str] = mapped_column(Text)
    suspended_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    suspended_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    lift_reason: Mapped[str | None] = mapped_column(Text)
    lifted_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    lifted_at: Mapped[datetime | None] = mapped_column(Timestamp)
