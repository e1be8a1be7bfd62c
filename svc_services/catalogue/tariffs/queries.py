"""Queries of tariffs."""

from datetime import date
from uuid import UUID

from sqlalchemy import Exists, Select, exists, select
from sqlalchemy.orm import aliased

from svc_services.catalogue.tariffs.models import Tariff
from svc_services.providers.applications.models import Provider
from svc_services.reference.models import UtilityKind


def tariffs_where(
    provider_id: UUID | None, kind: UtilityKind | None, division_code: str | None, on: date | None
) -> Select[Tariff]:
    """Tariffs of a provider, a kind, providers of a division; all not withdrawn, or those in force on a day."""
    query = select(Tariff).where(Tariff.withdrawn_at.is_(None))
    if provider_id:
        query = query.where(Tariff.provider_id == provider_id)
    if kind:
        query = query.where(Tariff.kind == kind)
    if division_code:
        query = query.join(Provider).where(Provider.serves(division_code))
    if on:
        query = query.where(Tariff.effective_from <= on, ~_superseded(on))
    return query


def _superseded(on: date) -> Exists:
    later = aliased(Tariff)
    return exists().where(
        later.withdrawn_at.is_(None),
        later.provider_id == Tariff.provider_id,
        later.customer_class == Tariff.customer_class,
        later.unit == Tariff.unit,
        later.effective_from > Tariff.effective_from,
        later.effective_from <= on,
    )
