from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.pagination import Page, PageRequest, page_of
from svc_identity.organisations.companies import schemas
from svc_identity.organisations.companies.models import CompanyProvider
from svc_identity.organisations.models import CompanyRole, Organisation, Role


async def listed(tx: AsyncSession, caller: Caller, page: PageRequest) -> Page[schemas.ProviderOrganisation]:
    """The organisations of companies: all to operators and auditors, else those in which the caller holds a role."""
    linked = select(CompanyProvider.organisation_id)
    query = select(Organisation).where(Organisation.id.in_(linked))
    if not caller.memberships_as(Role.OPERATOR, Role.AUDITOR):
        own = [each.organisation_id for each in caller.memberships_as(*CompanyRole)]
        query = query.where(Organisation.id.in_(own))
    found = await page_of(tx, query, page, Organisation.id, lambda organisation: organisation)
    providers = await _providers_of(tx, [each.id for each in found.items])
    return Page(items=[_shown(each, providers.get(each.id, [])) for each in found.items], next_cursor=found.next_cursor)


async def _providers_of(tx: AsyncSession, organisation_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    linked = select(CompanyProvider).where(CompanyProvider.organisation_id.in_(organisation_ids))
    found: dict[UUID, list[UUID]] = {}
    for each in await tx.scalars(linked.order_by(CompanyProvider.provider_id)):
        found.setdefault(each.organisation_id, []).append(each.provider_id)
    return found


def _shown(organisation: Organisation, provider_ids: list[UUID]) -> schemas.ProviderOrganisation:
    names = ("uscc", "name", "division_code", "created_at")
    about = {name: getattr(organisation, name) for name in names}
    return schemas.ProviderOrganisation(organisation_id=organisation.id, provider_ids=provider_ids, **about)
