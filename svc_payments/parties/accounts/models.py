"""Who is bound to which utility account: a read model fed by svc_services' events."""

from datetime import date, datetime
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
        Index("ix_account_bindings_former", "person_id", postgresql_where=text("held_until IS NOT NULL")),
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
    held_from: Mapped[date | None]
    """The first day of the present holder, after a change of holders: earlier bills are of the one before."""
    held_until: Mapped[date | None]
    """Of an ended binding whose account changed hands: its bills until this day stay visible."""
    starts_on: Mapped[date | None]
    """The first day of a tenancy that the owner has named."""
    access_until: Mapped[date | None]
    """The last day of an invited person's access, also before the event of its end has come."""
