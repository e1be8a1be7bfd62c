"""Who is bound to which utility account: a read model fed by svc_services' events."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from svc_payments.base import Base


class AccountBinding(Base):
    __tablename__ = "account_bindings"
    __table_args__ = (
        Index(
            "ix_account_bindings_active",
            "person_id",
            "provider_id",
            "account_number",
            postgresql_where=text("ended_at IS NULL"),
        ),
        # The people to remind of a bill.
        Index(
            "ix_account_bindings_of_account",
            "provider_id",
            "account_number",
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    binding_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID]
    provider_id: Mapped[UUID]
    account_number: Mapped[str] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(Text)
    """owner, family or tenant; unknown when only the end of the binding has arrived."""
    bound_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When it became active; unknown when only its end has arrived."""
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
