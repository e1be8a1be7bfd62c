"""Deletes what apps sent a person who has closed their account."""

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import Handler, Received
from svc_miniapps.publishing.testers.consumers import PersonClosed, erase_tester
from svc_miniapps.runtime.messages.service import erase_person


async def erase(tx: AsyncSession, event: Received[PersonClosed]) -> None:
    """Delete the person everywhere in this service: an event type has one handler."""
    await erase_tester(tx, event)
    await erase_person(tx, event.data.person_id)


HANDLERS = (Handler("cn.ili.identity.person.closed.v1", PersonClosed, erase),)
