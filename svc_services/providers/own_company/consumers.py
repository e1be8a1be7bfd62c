from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_services.providers.own_company.models import CompanyOrganisation


class ProviderLinked(EventData):
    organisation_id: UUID
    provider_id: UUID


async def _keep(tx: AsyncSession, event: Received[ProviderLinked]) -> None:
    """A provider is linked once: a replay changes nothing."""
    await tx.execute(insert(CompanyOrganisation).values(event.data.model_dump()).on_conflict_do_nothing())


HANDLERS: tuple[AnyHandler, ...] = (Handler("cn.ili.identity.organisation.provider_linked.v1", ProviderLinked, _keep),)
