"""Applicants are asked once to rate a stage; their words are erased with their account."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import EventData, Handler, Received
from chassis.outbox import emit
from svc_services.cases.applications.consumers import PersonClosed
from svc_services.cases.applications.consumers import erase_person as erase_of_cases
from svc_services.cases.applications.models import Application
from svc_services.cases.joint.drafts import erase_of_person as erase_joint_drafts
from svc_services.cases.joint.service import follow
from svc_services.supervision.ratings.events import RatingRequested
from svc_services.supervision.ratings.models import Rating, RatingRequest
from svc_services.supervision.ratings.service import reached


class ApplicationMoved(EventData):
    application_id: UUID


async def _ask(tx: AsyncSession, event: Received[ApplicationMoved]) -> None:
    await follow(tx, event.data.application_id)
    case = await tx.get(Application, event.data.application_id)
    if case is None:
        return
    for stage in sorted(await reached(tx, case)):
        row = insert(RatingRequest).values(application_id=case.id, stage=stage).on_conflict_do_nothing()
        if await tx.scalar(row.returning(RatingRequest.stage)):
            await emit(tx, RatingRequested(application_id=case.id, person_id=case.person_id, stage=stage))


async def erase_person(tx: AsyncSession, person_id: UUID) -> None:
    """Erase what the rooms up to this slice hold of a person."""
    await erase_of_cases(tx, person_id)
    await erase_joint_drafts(tx, person_id)
    mine = select(Application.id).where(Application.person_id == person_id)
    await tx.execute(update(Rating).where(Rating.application_id.in_(mine)).values(words=None, salt=None))


async def _erase(tx: AsyncSession, event: Received[PersonClosed]) -> None:
    await erase_person(tx, event.data.person_id)


HANDLERS = (
    # A service has one handler of an event: these also do those of joint applications, applications and bindings.
    Handler("cn.ili.services.application.moved.v1", ApplicationMoved, _ask),
    Handler("cn.ili.identity.person.closed.v1", PersonClosed, _erase),
)
