"""The legal representative of a company proposes its admins; an operator approves them."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound
from svc_identity.organisations.companies import schemas
from svc_identity.organisations.companies.service import is_company
from svc_identity.organisations.models import CompanyRole, Organisation
from svc_identity.organisations.operators import lock_roles
from svc_identity.organisations.representation.models import RepresentedOrganisation
from svc_identity.organisations.role_changes import service as role_changes
from svc_identity.organisations.role_changes.models import RoleChange
from svc_identity.organisations.role_changes.schemas import NewHolder
from svc_identity.people.persons.service import known_person, require_proofed


async def propose_admin(
    tx: AsyncSession, person_id: UUID, represented_id: UUID, new: schemas.NewProviderAdmin
) -> RoleChange:
    """Propose an admin of the company that a person represents.

    Raises:
        NotFound: they do not represent it, or it is not connected as a provider.
        AssuranceTooLow, AlreadyMember, AlreadyProposed
    """
    await lock_roles(tx)
    await role_changes.expire(tx)
    represented = await tx.get(RepresentedOrganisation, represented_id)
    if represented is None or represented.representative_id != person_id:
        raise NotFound
    require_proofed(await known_person(tx, person_id, for_update=True))
    company_id = await tx.scalar(select(Organisation.id).where(Organisation.uscc == represented.uscc))
    if company_id is None or not await is_company(tx, company_id):
        raise NotFound
    holder = NewHolder(organisation_id=company_id, **new.model_dump())
    change = await role_changes.granting(tx, holder, CompanyRole.PROVIDER_ADMIN, person_id)
    return await role_changes.file(tx, change)
