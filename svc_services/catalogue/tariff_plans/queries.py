"""Queries of tariff plans."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Exists, Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from svc_services.catalogue.tariff_plans.models import PlanStatus, TariffPlan
from svc_services.providers.applications.models import Provider
from svc_services.reference.models import UtilityKind

_MOST_VERSIONS = 100


def plans_where(
    provider_id: UUID | None, kind: UtilityKind | None, division_code: str | None, on: date | None, words: str | None
) -> Select[TariffPlan]:
    """Published plans of a provider, a kind, providers of a division; all, those in force on a day, those named so."""
    query = select(TariffPlan).where(TariffPlan.status == PlanStatus.PUBLISHED)
    if provider_id:
        query = query.where(TariffPlan.provider_id == provider_id)
    if kind:
        query = query.where(TariffPlan.kind == kind)
    if division_code:
        query = query.join(Provider, Provider.id == TariffPlan.provider_id).where(Provider.serves(division_code))
    if on:
        query = query.where(TariffPlan.effective_from <= on, ~_superseded(on))
    if words:
        query = query.where(TariffPlan.search_words.contains(words.lower(), autoescape=True))
    return query


def _superseded(on: date) -> Exists:
    later = aliased(TariffPlan)
    return exists().where(
        later.status == PlanStatus.PUBLISHED,
        later.provider_id == TariffPlan.provider_id,
        later.customer_class == TariffPlan.customer_class,
        later.code == TariffPlan.code,
        later.effective_from > TariffPlan.effective_from,
        later.effective_from <= on,
    )


def same_plan(provider_id: UUID, customer_class: str, code: str) -> tuple[ColumnElement[bool], ...]:
    """All versions of a plan."""
    return (
        TariffPlan.provider_id == provider_id,
        TariffPlan.customer_class == customer_class,
        TariffPlan.code == code,
    )


async def versions_until(tx: AsyncSession, plan: TariffPlan, day: date) -> Sequence[TariffPlan]:
    """The latest published versions of a plan that begin until a day, the latest first."""
    query = select(TariffPlan).where(
        *same_plan(plan.provider_id, plan.customer_class, plan.code),
        TariffPlan.status == PlanStatus.PUBLISHED,
        TariffPlan.effective_from <= day,
    )
    return (await tx.scalars(query.order_by(TariffPlan.effective_from.desc()).limit(_MOST_VERSIONS))).all()
