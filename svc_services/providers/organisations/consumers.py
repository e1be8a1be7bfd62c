"""Who speaks for organisations, as svc_identity says: legal representatives and their agents."""

from uuid import UUID

from pydantic import AwareDatetime
from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_services.providers.applications.models import ApplicationStatus, ProviderApplication
from svc_services.providers.organisations.models import ClaimedOrganisation, Mandate


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


class RepresentationEnded(EventData):
    uscc: str
    revision: int


async def _release(tx: AsyncSession, event: Received[RepresentationEnded]) -> None:
    """Nobody speaks for the organisation until it is claimed anew; what is undecided was proved by a lost identity."""
    older = ClaimedOrganisation.uscc == event.data.uscc, ClaimedOrganisation.revision < event.data.revision
    if await tx.scalar(delete(ClaimedOrganisation).where(*older).returning(ClaimedOrganisation.uscc)):
        undecided = ProviderApplication.uscc == event.data.uscc, ProviderApplication.status == ApplicationStatus.APPLIED
        await tx.execute(update(ProviderApplication).where(*undecided).values(proved_by=None))


class MandateAccepted(EventData):
    mandate_id: UUID
    uscc: str
    agent_id: UUID
    scopes: list[str]
    division_codes: list[str]
    valid_until: AwareDatetime


class MandateEnded(EventData):
    mandate_id: UUID
    ended_at: AwareDatetime


async def _begin(tx: AsyncSession, event: Received[MandateAccepted]) -> None:
    values = event.data.model_dump()
    await tx.execute(insert(Mandate).values(id=values.pop("mandate_id"), **values).on_conflict_do_nothing())


async def _end(tx: AsyncSession, event: Received[MandateEnded]) -> None:
    """Events of one mandate come in order: it is here."""
    ended = update(Mandate).where(Mandate.id == event.data.mandate_id)
    await tx.execute(ended.values(ended_at=event.data.ended_at))


HANDLERS: tuple[AnyHandler, ...] = (
    Handler("cn.ili.identity.organisation.claimed.v1", OrganisationClaimed, _keep),
    Handler("cn.ili.identity.mandate.accepted.v1", MandateAccepted, _begin),
    Handler("cn.ili.identity.mandate.ended.v1", MandateEnded, _end),
    Handler("cn.ili.identity.organisation.representation_ended.v1", RepresentationEnded, _release),
)
