"""Tariffs of components: proposed by the company, published by an operator of its divisions, never edited."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from kit.tariffs.rules import TariffRules
from svc_services.base import Base
from svc_services.reference.models import UtilityKind


class PlanStatus(StrEnum):
    PROPOSED = "proposed"
    PUBLISHED = "published"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    """By the company: a proposal, or a published plan before its day."""


TRANSITIONS: dict[PlanStatus, set[PlanStatus]] = {
    PlanStatus.PROPOSED: {PlanStatus.PUBLISHED, PlanStatus.REFUSED, PlanStatus.WITHDRAWN},
    PlanStatus.PUBLISHED: {PlanStatus.WITHDRAWN},
    PlanStatus.REFUSED: set(),
    PlanStatus.WITHDRAWN: set(),
}


class TariffPlan(Base):
    """One version of a plan of a company for a customer class, in force until the next version."""

    __tablename__ = "tariff_plans"
    __table_args__ = (
        one_of("status", PlanStatus),
        CheckConstraint("num_nulls(decided_by, decided_at) <> 1", name="decided"),
        CheckConstraint("status NOT IN ('published', 'refused') OR decided_by IS NOT NULL", name="by_operator"),
        CheckConstraint("(status = 'refused') = (refusal_reason IS NOT NULL)", name="refusal_reason"),
        CheckConstraint("status <> 'published' OR version IS NOT NULL", name="version"),
        CheckConstraint("(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn"),
        Index(
            "uq_tariff_plans_date",
            *("provider_id", "customer_class", "code", "effective_from"),
            unique=True,
            postgresql_where=text("status = 'published'"),
        ),
        UniqueConstraint("provider_id", "customer_class", "code", "version", name="uq_tariff_plans_version"),
        Index(None, "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    kind: Mapped[UtilityKind] = mapped_column(Text, ForeignKey("utility_kinds.kind"))
    customer_class: Mapped[str] = mapped_column(Text)
    """A class of the kind, see `classes`."""
    code: Mapped[str] = mapped_column(Text)
    """Tells the plans of a class apart, and is the same in each version."""
    name: Mapped[dict[str, str]] = mapped_column(JSONB)
    basis_document: Mapped[str] = mapped_column(Text)
    effective_from: Mapped[date]
    rules: Mapped[dict[str, Any]] = mapped_column(JSONB)
    search_words: Mapped[str] = mapped_column(Text)
    status: Mapped[PlanStatus] = mapped_column(Text, default=PlanStatus.PROPOSED)
    replaces: Mapped[UUID | None] = mapped_column(ForeignKey("tariff_plans.id"))
    """A published plan that has not begun and is withdrawn when this one is published."""
    replaced_by: Mapped[UUID | None] = mapped_column(ForeignKey("tariff_plans.id"))
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    refusal_reason: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int | None]
    """Counts the publications of the plan."""
    withdrawn_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: PlanStatus) -> None:
        self.status = checked_move(TRANSITIONS, PlanStatus(self.status), status)

    def decide(self, status: PlanStatus, operator_id: UUID) -> None:
        self.move_to(status)
        self.decided_by, self.decided_at = operator_id, now()

    def withdraw(self) -> None:
        self.move_to(PlanStatus.WITHDRAWN)
        self.withdrawn_at = now()

    @property
    def tariff(self) -> TariffRules:
        return TariffRules.model_validate(self.rules)
