"""What people of a company do about its own connection, by their role in the company's organisation."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import NotFound
from svc_services.providers.applications.models import Provider, ProviderApplication
from svc_services.providers.connections import effects, queries, schemas
from svc_services.providers.connections import service as connections
from svc_services.providers.connections.models import Action, ChangeStatus, ProviderChange
from svc_services.providers.own_company.models import CompanyOrganisation
from svc_services.providers.own_company.schemas import ContactCorrection, OwnProvider

ADMIN, OPERATOR = "provider_admin", "provider_operator"


def own_providers(caller: Caller, *roles: str) -> Select[Provider]:
    """The providers of the companies in which the caller holds one of these roles."""
    return select(Provider).where(_own(caller, *roles))


async def own_provider(tx: AsyncSession, caller: Caller, provider_id: UUID, *roles: str) -> Provider:
    """A provider of the caller's own company.

    Raises:
        NotFound: another company's is none.
    """
    provider: Provider | None = await tx.scalar(own_providers(caller, *roles).where(Provider.id == provider_id))
    if provider is None:
        raise NotFound
    return provider


async def shown(tx: AsyncSession, provider: Provider) -> OwnProvider:
    """A provider as the people of its company see it."""
    application = await tx.get_one(ProviderApplication, provider.id)
    connection = await queries.connection_of(tx, provider.id)
    names = ("name", "uscc", "kind", "division_codes")
    return OwnProvider(
        **connection.model_dump(),
        **{name: getattr(provider, name) for name in names},
        contact_phone=application.contact_phone,
    )


async def change(
    tx: AsyncSession, caller: Caller, provider_id: UUID, wanted: connections.Wanted
) -> schemas.ProviderChange:
    """Carry out a change of the caller's own company, at once.

    Raises:
        NotFound, SuspendedByOperator
        Problem: why it cannot be carried out, as `effects.carry_out` has it.
    """
    await own_provider(tx, caller, provider_id, ADMIN)
    return await connections.request(tx, connections.CompanyAdmin(caller.id), provider_id, wanted)


async def correct_contact(
    tx: AsyncSession, caller: Caller, provider_id: UUID, new: ContactCorrection
) -> schemas.ProviderChange:
    """Correct where operators reach the company. The number itself is kept with the application alone.

    Raises:
        NotFound
    """
    await own_provider(tx, caller, provider_id, ADMIN)
    provider = await effects.locked(tx, provider_id)
    application = await tx.get_one(ProviderApplication, provider_id, populate_existing=True)
    application.contact_phone = new.contact_phone
    corrected = ProviderChange(
        provider_id=provider_id,
        action=Action.CORRECT_CONTACT,
        details={},
        reason=new.reason,
        status=ChangeStatus.PROPOSED,
        provider_revision=provider.revision,
        admin_id=caller.id,
    )
    corrected.decide(ChangeStatus.APPROVED, None)
    tx.add(corrected)
    await tx.flush()
    connections.record(tx, corrected)
    return queries.shown(corrected)


def _own(caller: Caller, *roles: str) -> ColumnElement[bool]:
    companies = [each.organisation_id for each in caller.memberships_as(*roles)]
    linked = select(CompanyOrganisation.provider_id).where(CompanyOrganisation.organisation_id.in_(companies))
    return Provider.id.in_(linked)
