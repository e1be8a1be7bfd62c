"""The OAuth client of a mini-app, and the requests that change it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_miniapps.apps.models import App
from svc_miniapps.base import Base


class RequestStatus(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


TRANSITIONS: dict[RequestStatus, set[RequestStatus]] = {
    RequestStatus.WAITING: {RequestStatus.APPROVED, RequestStatus.REJECTED, RequestStatus.WITHDRAWN},
    RequestStatus.APPROVED: set(),
    RequestStatus.REJECTED: set(),
    RequestStatus.WITHDRAWN: set(),
}


class ClientRequest(Base):
    """A team's request for what its app's client may do; with its approval the client works, also a suspended one."""

    __tablename__ = "client_requests"
    __table_args__ = (
        one_of("status", RequestStatus),
        CheckConstraint("(status = 'waiting') = (decided_by IS NULL AND decided_at IS NULL)", name="decided"),
        CheckConstraint("status = 'withdrawn' OR decided_by <> requested_by", name="second_person"),
        CheckConstraint("jwks IS NOT NULL OR redirect_uris <> '{}'", name="keys_or_addresses"),
        Index("uq_client_requests_waiting", "app_id", unique=True, postgresql_where=text("status = 'waiting'")),
        Index("ix_client_requests_status", "status", "id"),
        Index("ix_client_requests_app_id", "app_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    redirect_uris: Mapped[list[str]] = mapped_column(ARRAY(Text))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Public keys of the app's server, if it has one."""
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[RequestStatus] = mapped_column(Text, default=RequestStatus.WAITING)
    requested_by: Mapped[UUID]
    requested_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    client_revision: Mapped[int]
    """The client's revision when it was requested; a suspension since then is not lifted by it."""
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)

    def decide(self, status: RequestStatus, person_id: UUID) -> None:
        self.status = checked_move(TRANSITIONS, RequestStatus(self.status), status)
        self.decided_by, self.decided_at = person_id, now()


class AppClient(Base):
    """What the client of an app may do now."""

    __tablename__ = "app_clients"
    __table_args__ = (
        CheckConstraint("num_nulls(suspended_at, suspended_by, suspension_reason) IN (0, 3)", name="suspended"),
        CheckConstraint("jwks IS NOT NULL OR redirect_uris <> '{}'", name="keys_or_addresses"),
    )

    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    redirect_uris: Mapped[list[str]] = mapped_column(ARRAY(Text))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    revision: Mapped[int] = mapped_column(default=0)
    """Counts the changes; the event carries it, so that a late one changes nothing."""
    suspended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    suspended_by: Mapped[UUID | None]
    suspension_reason: Mapped[str | None] = mapped_column(Text)
