"""Deletes what names a person who has closed their account, in every room: an event has one handler in a service."""

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import Handler, Received
from svc_miniapps.insights.ratings.service import erase_ratings
from svc_miniapps.insights.recent.service import erase_recent
from svc_miniapps.publishing.complaints.service import erase_complainant
from svc_miniapps.publishing.testers.consumers import PersonClosed, erase_tester
from svc_miniapps.runtime.messages.service import erase_person as erase_messages


async def erase_person(tx: AsyncSession, event: Received[PersonClosed]) -> None:
    await erase_tester(tx, event)
    await erase_complainant(tx, event.data.person_id)
    await erase_recent(tx, event.data.person_id)
    await erase_ratings(tx, event.data.person_id)
    await erase_messages(tx, event.data.person_id)


HANDLERS = (Handler("cn.ili.identity.person.closed.v1", PersonClosed, erase_person),)
