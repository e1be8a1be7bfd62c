"""Deletes what names a tester who has closed their account."""

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import EventData, Received
from svc_miniapps.publishing.testers.models import Tester, Trial


class PersonClosed(EventData):
    """What is used of `person.closed`."""

    person_id: UUID


async def erase_tester(tx: AsyncSession, event: Received[PersonClosed]) -> None:
    for table in (Tester, Trial):
        await tx.execute(delete(table).where(table.person_id == event.data.person_id))
