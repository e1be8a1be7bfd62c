"""What svc_identity says about the people who bind accounts, and who apply for companies."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import EventData, Handler, Received
from svc_services.accounts.bindings.ends import end_of_person, erase_of_person
from svc_services.providers.organisations.service import release_speaker


class ProofingRevoked(EventData):
    """An ID number has moved to the person whose it is; who had proved it before has proved nothing."""

    person_id: UUID


async def _revoke(tx: AsyncSession, event: Received[ProofingRevoked]) -> None:
    await end_of_person(tx, event.data.person_id)
    await release_speaker(tx, event.data.person_id)


class PersonClosed(EventData):
    """The person has closed their account."""

    person_id: UUID


async def _erase(tx: AsyncSession, event: Received[PersonClosed]) -> None:
    await erase_of_person(tx, event.data.person_id)


HANDLERS = (
    Handler("cn.ili.identity.person.proofing_revoked.v1", ProofingRevoked, _revoke),
    Handler("cn.ili.identity.person.closed.v1", PersonClosed, _erase),
)
