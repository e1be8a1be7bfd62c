"""Service items with their guides: drafted by the company, published by an operator of its divisions, never edited."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_services.base import Base
from svc_services.catalogue.service_items.content import ItemContent
from svc_services.reference.models import UtilityKind


class ItemStatus(StrEnum):
    PROPOSED = "proposed"
    PUBLISHED = "published"
    REFUSED = "refused"
    REPLACED = "replaced"
    """By a later version."""
    WITHDRAWN = "withdrawn"
    """By the company."""


TRANSITIONS: dict[ItemStatus, set[ItemStatus]] = {
    ItemStatus.PROPOSED: {ItemStatus.PUBLISHED, ItemStatus.REFUSED, ItemStatus.WITHDRAWN},
    ItemStatus.PUBLISHED: {ItemStatus.REPLACED, ItemStatus.WITHDRAWN},
    ItemStatus.REFUSED: set(),
    ItemStatus.REPLACED: set(),
    ItemStatus.WITHDRAWN: set(),
}
_LINE = ("provider_id", "utility_kind", "application_kind", "division_code")


class ServiceItem(Base):
    """One version of what a company offers for a kind of application, in one of its divisions or in all."""

    __tablename__ = "service_items"
    __table_args__ = (
        one_of("status", ItemStatus),
        CheckConstraint("status NOT IN ('refused') OR decided_by IS NOT NULL", name="by_operator"),
        CheckConstraint("decided_by <> proposed_by", name="second_person"),
        CheckConstraint("(status = 'refused') = (refusal_reason IS NOT NULL)", name="refusal_reason"),
        CheckConstraint("status NOT IN ('published', 'replaced') OR version IS NOT NULL", name="version"),
        CheckConstraint("(status IN ('replaced', 'withdrawn')) = (ended_at IS NOT NULL)", name="ended"),
        Index(
            "uq_service_items_published",
            *_LINE,
            unique=True,
            postgresql_where=text("status = 'published'"),
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "uq_service_items_version",
            *(*_LINE, "version"),
            unique=True,
            postgresql_where=text("version IS NOT NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        Index(None, "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[UUID | None] = mapped_column(ForeignKey("providers.id"))
    """NULL: the general guide of the starter data, for companies that have published none."""
    utility_kind: Mapped[UtilityKind] = mapped_column(Text, ForeignKey("utility_kinds.kind"))
    application_kind: Mapped[str] = mapped_column(Text)
    division_code: Mapped[str | None] = mapped_column(Text)
    """NULL: all divisions of the company that have no item of their own."""
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    search_words: Mapped[str] = mapped_column(Text)
    workflow_id: Mapped[UUID]
    """By which such applications were filed when the item was published, or drafted where it is not yet."""
    workflow_version: Mapped[int]
    status: Mapped[ItemStatus] = mapped_column(Text, default=ItemStatus.PROPOSED)
    proposed_by: Mapped[UUID | None]
    """The person of the company; NULL where its system did, or the starter data."""
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    refusal_reason: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int | None]
    """Counts the publications."""
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    replaced_by: Mapped[UUID | None] = mapped_column(ForeignKey("service_items.id"))

    def move_to(self, status: ItemStatus) -> None:
        self.status = checked_move(TRANSITIONS, ItemStatus(self.status), status)

    def decide(self, status: ItemStatus, operator_id: UUID | None) -> None:
        self.move_to(status)
        self.decided_by, self.decided_at = operator_id, now()

    def end(self, status: ItemStatus) -> None:
        self.move_to(status)
        self.ended_at = now()

    @property
    def guide(self) -> ItemContent:
        return ItemContent.model_validate(self.content)
