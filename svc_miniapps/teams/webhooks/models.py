"""Webhooks of teams: their endpoint, and what it is sent until received or given up."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.deliveries import DeliveryFault
from kit.leases import Leased
from svc_miniapps.base import Base


class WebhookKind(StrEnum):
    ENDPOINT_PROOF = "endpoint_proof"
    """The first delivery to an address; nothing else is sent before it was received."""
    RELEASE_APPROVED = "release_approved"
    RELEASE_REJECTED = "release_rejected"
    RELEASE_PUBLISHED = "release_published"
    REGISTRATION_APPROVED = "registration_approved"
    REGISTRATION_REJECTED = "registration_rejected"
    APP_TAKEN_DOWN = "app_taken_down"
    APP_RESTORED = "app_restored"
    COMPLAINT_RECEIVED = "complaint_received"


class WebhookStatus(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    """A worker is sending it; if its lease runs out before the outcome is recorded, it is sent again."""
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


TRANSITIONS: dict[WebhookStatus, set[WebhookStatus]] = {
    WebhookStatus.PENDING: {WebhookStatus.SENDING, WebhookStatus.GIVEN_UP},
    WebhookStatus.SENDING: set(WebhookStatus),
    # Repeated by hand.
    WebhookStatus.DELIVERED: {WebhookStatus.PENDING},
    WebhookStatus.GIVEN_UP: {WebhookStatus.PENDING},
}
WAITING = (WebhookStatus.PENDING, WebhookStatus.SENDING)
_WAITING = text("status IN ('pending', 'sending')")


class TeamWebhook(Base):
    """A team's endpoint, and how it fares. Locked by whoever leases deliveries to it or records outcomes."""

    __tablename__ = "team_webhooks"
    __table_args__ = (
        CheckConstraint("(stalled_at IS NULL) = (probe_at IS NULL)", name="probe_at"),
        CheckConstraint("(paused_at IS NULL) = (paused_by IS NULL)", name="paused"),
    )

    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    set_by: Mapped[UUID]
    set_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    proved_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When this address received its proof."""
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    """In a row."""
    stalled_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Since when one delivery at a time is tried, after too many failures in a row."""
    probes: Mapped[int] = mapped_column(default=0, server_default="0")
    probe_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the next one is tried; during a try, when its lease ends."""
    paused_at: Mapped[datetime | None] = mapped_column(Timestamp)
    paused_by: Mapped[UUID | None]


class WebhookDelivery(Leased, Base):
    """What is sent never changes, so that every try of it sends the same."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        one_of("status", WebhookStatus),
        one_of("kind", WebhookKind),
        CheckConstraint("(status IN ('delivered', 'given_up')) = (settled_at IS NOT NULL)", name="settled_at"),
        Index("uq_webhook_deliveries_position", "position", unique=True),
        Index("ix_webhook_deliveries_due", "team_id", "try_at", postgresql_where=_WAITING),
        Index("ix_webhook_deliveries_expiring", "give_up_at", postgresql_where=_WAITING),
        Index("ix_webhook_deliveries_team_id", "team_id", "id"),
        Index("ix_webhook_deliveries_settled_at", "settled_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    """The order in which those of one app are sent. It is given while the app is locked."""
    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id"))
    kind: Mapped[WebhookKind] = mapped_column(Text)
    app_id: Mapped[UUID | None] = mapped_column(ForeignKey("apps.id"))
    """Of one app the next waits for the one before."""
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    occurred_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    status: Mapped[WebhookStatus] = mapped_column(Text, default=WebhookStatus.PENDING)
    give_up_at: Mapped[datetime] = mapped_column(Timestamp)
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    repeated_at: Mapped[datetime | None] = mapped_column(Timestamp)
    settled_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: WebhookStatus) -> None:
        self.status = checked_move(TRANSITIONS, WebhookStatus(self.status), status)


class WebhookAttempt(Base):
    """The log: what came of one try."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (
        one_of("fault", DeliveryFault),
        Index("ix_webhook_attempts_delivery_id", "delivery_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey(WebhookDelivery.id, ondelete="CASCADE"))
    number: Mapped[int]
    began_at: Mapped[datetime] = mapped_column(Timestamp)
    milliseconds: Mapped[int]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    fault: Mapped[DeliveryFault | None] = mapped_column(Text)
    """None: the team has received it."""
