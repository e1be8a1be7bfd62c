"""Who decides about a company holds no role in it."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import Problem
from kit.staff.models import staff_roles
from svc_services.providers.own_company.models import CompanyOrganisation


class OwnCompany(Problem):
    """Nobody decides about a company in which they hold a role, whatever other role they hold."""

    status, code = 403, "own_company"


async def require_outsider(tx: AsyncSession, caller: Caller, provider_id: UUID) -> None:
    """Refuse who holds a role in the company of a provider, by the token or by what the events told.

    Raises:
        OwnCompany
    """
    of_provider = CompanyOrganisation.provider_id == provider_id
    companies = set(await tx.scalars(select(CompanyOrganisation.organisation_id).where(of_provider)))
    held = select(staff_roles.c.organisation_id).where(
        staff_roles.c.person_id == caller.id,
        staff_roles.c.granted_at.is_not(None),
        staff_roles.c.ended_at.is_(None),
    )
    by_token = {each.organisation_id for each in caller.memberships}
    if companies and companies & (by_token | set(await tx.scalars(held))):
        raise OwnCompany
