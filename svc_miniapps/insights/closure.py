"""Deletes what names a person who has closed their account, in every room of this service."""

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import Handler, Received
from svc_miniapps.insights.ratings.service import erase_ratings
from svc_miniapps.insights.recent.service import erase_recent
from svc_miniapps.publishing.testers.consumers import PersonClosed, erase_tester


async def erase_person(tx: AsyncSession, event: Received[PersonClosed]) -> None:
    await erase_tester(tx, event)
    await erase_recent(tx, event.data.person_id)
    await erase_ratings(tx, event.data.person_id)


# A service has one handler of an event: this one also does what that of the testers does.
HANDLERS = (Handler("cn.ili.identity.person.closed.v1", PersonClosed, erase_person),)
