"""Erases what names a person of this service who has closed their account."""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import Handler, Received
from svc_miniapps.publishing.complaints.models import AppComplaint
from svc_miniapps.publishing.testers.consumers import PersonClosed, erase_tester


async def erase_complainant(tx: AsyncSession, person_id: UUID) -> None:
    """Leave of their complaints what teams and operators have said."""
    nothing = dict.fromkeys(("person_id", "words", "contact", "appeal", "salt"))
    await tx.execute(update(AppComplaint).where(AppComplaint.person_id == person_id).values(nothing))


async def _erase(tx: AsyncSession, event: Received[PersonClosed]) -> None:
    await erase_tester(tx, event)
    await erase_complainant(tx, event.data.person_id)


HANDLERS = (Handler("cn.ili.identity.person.closed.v1", PersonClosed, _erase),)
