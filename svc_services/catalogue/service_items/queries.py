"""Queries of service items."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import aliased

from svc_services.catalogue.service_items.models import ItemStatus, ServiceItem
from svc_services.providers.applications.models import Provider
from svc_services.reference.models import UtilityKind


def items_where(
    provider_id: UUID | None,
    kinds: tuple[UtilityKind | None, str | None],
    division_code: str | None,
    words: str | None,
) -> Select[ServiceItem]:
    """Published items of a provider, of kinds of utility and application, of a division, named so.

    In a division an item of its own takes the place of the company's for all divisions.
    """
    query = select(ServiceItem).where(ServiceItem.status == ItemStatus.PUBLISHED)
    utility_kind, application_kind = kinds
    if provider_id:
        query = query.where(ServiceItem.provider_id == provider_id)
    if utility_kind:
        query = query.where(ServiceItem.utility_kind == utility_kind)
    if application_kind:
        query = query.where(ServiceItem.application_kind == application_kind)
    if division_code:
        query = query.outerjoin(Provider, Provider.id == ServiceItem.provider_id).where(_offered_in(division_code))
    if words:
        query = query.where(ServiceItem.search_words.contains(words.lower(), autoescape=True))
    return query


def _offered_in(division_code: str) -> ColumnElement[bool]:
    own = aliased(ServiceItem)
    has_own = (
        select(own.id)
        .where(
            own.status == ItemStatus.PUBLISHED,
            own.provider_id == ServiceItem.provider_id,
            own.application_kind == ServiceItem.application_kind,
            own.division_code == division_code,
        )
        .exists()
    )
    everywhere = or_(ServiceItem.provider_id.is_(None), and_(Provider.serves(division_code), ~has_own))
    return or_(ServiceItem.division_code == division_code, and_(ServiceItem.division_code.is_(None), everywhere))


def same_line(item: ServiceItem) -> tuple[ColumnElement[bool], ...]:
    """All versions of an item."""
    return (
        ServiceItem.provider_id.is_not_distinct_from(item.provider_id),
        ServiceItem.utility_kind == item.utility_kind,
        ServiceItem.application_kind == item.application_kind,
        ServiceItem.division_code.is_not_distinct_from(item.division_code),
    )
