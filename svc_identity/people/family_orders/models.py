"""Family accounts that a clerk sets up for somebody at the counter who has no smartphone."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_identity.base import Base
from svc_identity.vault.blind_indexes import BlindIndex
from svc_identity.vault.encryption import Encrypted

ORDER_LIFE = timedelta(days=1)
"""The person waits at the counter."""


class OrderStatus(StrEnum):
    OPEN = "open"
    """A clerk has seen the person, their document and the signed form; a supervisor has to confirm it."""
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    EXPIRED = "expired"


TRANSITIONS: dict[OrderStatus, set[OrderStatus]] = {
    OrderStatus.OPEN: {OrderStatus.CONFIRMED, OrderStatus.REFUSED, OrderStatus.EXPIRED},
    OrderStatus.CONFIRMED: set(),
    OrderStatus.REFUSED: set(),
    OrderStatus.EXPIRED: set(),
}


class FamilyOrder(Base):
    """Name and number of the person are erased when it is decided."""

    __tablename__ = "family_orders"
    __table_args__ = (
        one_of("status", OrderStatus),
        second_person_check("decided_by", "ordered_by"),
        CheckConstraint(
            "num_nulls(name, id_number, id_number_index) = CASE WHEN status = 'open' THEN 0 ELSE 3 END", name="erased"
        ),
        CheckConstraint("(status = 'confirmed') = (family_account_id IS NOT NULL)", name="confirmed"),
        Index("ix_family_orders_family_account_id", "family_account_id"),
        Index("ix_family_orders_ordered_at", "ordered_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    """Of the counter."""
    name: Mapped[str | None] = mapped_column(Encrypted("family_orders.name"), deferred=True, deferred_raiseload=True)
    id_number: Mapped[str | None] = mapped_column(
        Encrypted("family_orders.id_number"), deferred=True, deferred_raiseload=True
    )
    id_number_index: Mapped[bytes | None] = mapped_column(BlindIndex("persons.id_number"))
    consent_version: Mapped[str] = mapped_column(Text)
    """Of the privacy notice, which the person has signed on paper."""
    phone_index: Mapped[bytes] = mapped_column(BlindIndex("persons.phone"))
    """Of the helper, and so on."""
    phone_masked: Mapped[str] = mapped_column(Text)
    name_index: Mapped[bytes] = mapped_column(BlindIndex("family_accounts.name"))
    helper_name: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    day_limit_fen: Mapped[int | None] = mapped_column(BigInteger)
    month_limit_fen: Mapped[int | None] = mapped_column(BigInteger)
    valid_until: Mapped[datetime] = mapped_column(Timestamp)
    status: Mapped[OrderStatus] = mapped_column(Text, default=OrderStatus.OPEN)
    reason: Mapped[str] = mapped_column(Text)
    """What the clerk has seen."""
    ordered_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    ordered_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    family_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("family_accounts.id"))

    def decide(self, status: OrderStatus, by: UUID | None) -> None:
        self.status = checked_move(TRANSITIONS, OrderStatus(self.status), status)
        self.decided_by, self.decided_at = by, now()
        self.name = self.id_number = self.id_number_index = None
