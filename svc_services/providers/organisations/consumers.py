"""Organisations that their legal representatives have claimed at svc_identity."""

from uuid import UUID

from pydantic import AwareDatetime
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import EventData, Handler, Received
from svc_services.providers.organisations.models import ClaimedOrganisation


class OrganisationClaimed(EventData):
    organisation_id: UUID
    uscc: str
    representative_id: UUID
    claimed_at: AwareDatetime
    revision: int


async def _keep(tx: AsyncSession, event: Received[OrganisationClaimed]) -> None:
    values = event.data.model_dump()
    kept = insert(ClaimedOrganisation).values(values)
    newer = ClaimedOrganisation.revision < event.data.revision
    await tx.execute(kept.on_conflict_do_update(index_elements=["uscc"], set_=values, where=newer))


HANDLERS = (Handler("cn.ili.identity.organisation.claimed.v1", OrganisationClaimed, _keep),)
