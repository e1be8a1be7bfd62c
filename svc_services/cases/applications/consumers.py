"""What svc_identity says about applicants."""

from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import EventData, Handler, Received
from svc_services.accounts.bindings.ends import erase_of_person
from svc_services.cases.applications.models import Application, ApplicationStep, CaseStatus


class PersonClosed(EventData):
    """The person has closed their account."""

    person_id: UUID


async def erase_applications(tx: AsyncSession, person_id: UUID) -> None:
    """Remove the drafts of a person, and erase what they filled in and what was written to them.

    The cases and their steps stay, so that the figures of an office do.
    """
    mine = Application.person_id == person_id
    await tx.execute(delete(Application).where(mine, Application.status == CaseStatus.DRAFT))
    await tx.execute(update(Application).where(mine).values(form={}, account_number=None))
    cases = select(Application.id).where(mine)
    await tx.execute(update(ApplicationStep).where(ApplicationStep.application_id.in_(cases)).values(reason=None))


async def erase_person(tx: AsyncSession, person_id: UUID) -> None:
    """Erase what the rooms up to this one hold of a person."""
    await erase_of_person(tx, person_id)
    await erase_applications(tx, person_id)


async def _erase(tx: AsyncSession, event: Received[PersonClosed]) -> None:
    await erase_person(tx, event.data.person_id)


# A service has one handler of an event: this one also does what that of the bindings does.
HANDLERS = (Handler("cn.ili.identity.person.closed.v1", PersonClosed, _erase),)
