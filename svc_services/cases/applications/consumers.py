"""What svc_identity says about applicants, and what becomes of their cases when an account is lost."""

from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import EventData, Handler, Received
from svc_services.accounts.bindings.ends import erase_of_person
from svc_services.accounts.bindings.queries import is_holder
from svc_services.cases.applications.engine import give_up
from svc_services.cases.applications.models import Application, ApplicationStep, CaseStatus
from svc_services.cases.counter.confirmations import end_of_person
from svc_services.cases.materials.service import erase_of_person as erase_materials
from svc_services.cases.papers.service import erase_of_person as erase_papers


class PersonClosed(EventData):
    """The person has closed their account."""

    person_id: UUID


class AccountBindingEnded(EventData):
    """Of this service itself: the rooms of accounts know no cases."""

    person_id: UUID
    provider_id: UUID
    account_number: str


async def erase_applications(tx: AsyncSession, person_id: UUID) -> None:
    """End the open cases of a person, remove the drafts, and erase what was filled in and written to the person.

    The cases and their steps stay, so that the figures of an office do.
    """
    mine = Application.person_id == person_id
    await _give_up(tx, mine)
    await tx.execute(delete(Application).where(mine, Application.status == CaseStatus.DRAFT))
    await tx.execute(update(Application).where(mine).values(form={}, account_number=None))
    cases = select(Application.id).where(mine)
    await tx.execute(update(ApplicationStep).where(ApplicationStep.application_id.in_(cases)).values(reason=None))


async def _give_up(tx: AsyncSession, *which: ColumnElement[bool]) -> None:
    open_ones = select(Application).where(Application.status == CaseStatus.OPEN, *which)
    for case in (await tx.scalars(open_ones.order_by(Application.id).with_for_update())).all():
        await give_up(tx, case)


async def erase_person(tx: AsyncSession, person_id: UUID) -> None:
    """Erase what the rooms up to this one hold of a person."""
    await end_of_person(tx, person_id)
    await erase_of_person(tx, person_id)
    await erase_applications(tx, person_id)
    await erase_materials(tx, person_id)
    await erase_papers(tx, person_id)


async def _erase(tx: AsyncSession, event: Received[PersonClosed]) -> None:
    await erase_person(tx, event.data.person_id)


async def _end_cases(tx: AsyncSession, event: Received[AccountBindingEnded]) -> None:
    person_id, provider_id, number = event.data.person_id, event.data.provider_id, event.data.account_number
    if await is_holder(tx, person_id, provider_id, number):
        return  # anew since
    of_account = (Application.provider_id == provider_id, Application.account_number == number)
    await _give_up(tx, Application.person_id == person_id, *of_account)


# A service has one handler of an event: that of a closure also does what the one of the bindings does.
HANDLERS = (
    Handler("cn.ili.identity.person.closed.v1", PersonClosed, _erase),
    Handler("cn.ili.services.account_binding.ended.v1", AccountBindingEnded, _end_cases),
)
