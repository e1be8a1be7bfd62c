"""What complainants wrote is erased with their account."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import Handler, Received
from svc_services.cases.applications.consumers import PersonClosed
from svc_services.supervision.complaints import steps
from svc_services.supervision.complaints.models import (
    OPEN,
    STEPS,
    Complaint,
    ComplaintAction,
    ComplaintActor,
    ComplaintEntry,
    ComplaintStatus,
)
from svc_services.supervision.ratings.consumers import erase_person

_PERSONAL = ("subject_ref", "words", "contact_name", "contact_phone", "salt")


async def erase_complaints(tx: AsyncSession, person_id: UUID) -> None:
    """End the open complaints of a person, and erase what they wrote; that there was a complaint stays."""
    mine = Complaint.person_id == person_id
    still_open = select(Complaint).where(mine, Complaint.status.in_(OPEN)).order_by(Complaint.id)
    for row in (await tx.scalars(still_open.with_for_update())).all():
        await _give_up(tx, row)
    complaints = select(Complaint.id).where(mine)
    await tx.execute(update(ComplaintEntry).where(ComplaintEntry.complaint_id.in_(complaints)).values(words=None))
    await tx.execute(update(Complaint).where(mine).values(**dict.fromkeys(_PERSONAL)))


async def _give_up(tx: AsyncSession, row: Complaint) -> None:
    withdrawn = row.status in STEPS[ComplaintAction.WITHDRAW]
    action = ComplaintAction.WITHDRAW if withdrawn else ComplaintAction.LAPSE
    await steps.move(tx, row, action, ComplaintStatus.WITHDRAWN if withdrawn else ComplaintStatus.CLOSED)
    await steps.note(tx, row, action, ComplaintActor.CLOCK)


async def _erase(tx: AsyncSession, event: Received[PersonClosed]) -> None:
    await erase_person(tx, event.data.person_id)
    await erase_complaints(tx, event.data.person_id)


# A service has one handler of an event: this one also does what that of the ratings does.
HANDLERS = (Handler("cn.ili.identity.person.closed.v1", PersonClosed, _erase),)
