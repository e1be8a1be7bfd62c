"""What a complainant does: file, withdraw, confirm, dispute once, reopen once."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id, now
from chassis.problems import NotFound
from kit.calendar import today
from svc_services.base import lock
from svc_services.cases.materials.models import MaterialUser
from svc_services.cases.materials.schemas import AttachedMaterial
from svc_services.cases.materials.uses import use, used
from svc_services.supervision.complaints import schemas, steps
from svc_services.supervision.complaints.models import (
    OPEN,
    Complaint,
    ComplaintAction,
    ComplaintActor,
    ComplaintSource,
    ComplaintStatus,
)
from svc_services.supervision.complaints.refusals import (
    ComplaintOver,
    DisputedAlready,
    DisputeTooLate,
    ReopenedAlready,
    ReopenTooLate,
    TooManyComplaints,
    TooManyOpenComplaints,
)
from svc_services.supervision.complaints.subjects import known

MOST_OPEN, MOST_A_DAY = 20, 10
REOPEN_FOR = timedelta(days=30)
_DAY = timedelta(days=1)


async def file(tx: AsyncSession, person_id: UUID, new: schemas.NewComplaint) -> Complaint:
    """File a complaint of a resident.

    Raises:
        TooManyComplaints, TooManyOpenComplaints, ComplaintOpenAlready
        Problem: what it is about is not theirs, as `subjects.known` has it.
    """
    await lock(tx, "complaints of", person_id)
    await _require_few(tx, person_id)
    about = await known(tx, person_id, new)
    row = Complaint(
        id=new_id(),
        source=ComplaintSource.RESIDENT,
        person_id=person_id,
        subject=new.subject,
        words=new.words,
        contact_shared=new.contact_shared,
        disputed=False,
        reopened=False,
        **vars(about),
    )
    if new.contact:
        row.contact_name, row.contact_phone = new.contact.name, new.contact.phone
    await steps.file(tx, row, ComplaintActor.RESIDENT)
    return row


async def withdraw(tx: AsyncSession, person_id: UUID, complaint_id: UUID) -> Complaint:
    return await _step(tx, await locked(tx, person_id, complaint_id), ComplaintAction.WITHDRAW, None)


async def confirm(tx: AsyncSession, person_id: UUID, complaint_id: UUID) -> Complaint:
    """Say that the answer settles it."""
    return await _step(tx, await locked(tx, person_id, complaint_id), ComplaintAction.CONFIRM, None)


async def dispute(tx: AsyncSession, person_id: UUID, complaint_id: UUID, words: str) -> Complaint:
    """Have an answer or a refusal looked at by an operator who had no part in it, once.

    Raises:
        DisputedAlready, DisputeTooLate
    """
    row = await locked(tx, person_id, complaint_id)
    if row.dispute_until and row.disputed:
        raise DisputedAlready
    if row.dispute_until and today() > row.dispute_until:
        raise DisputeTooLate(dispute_until=row.dispute_until.isoformat())
    row.disputed = True
    return await _step(tx, row, ComplaintAction.DISPUTE, words)


async def reopen(tx: AsyncSession, person_id: UUID, complaint_id: UUID, words: str) -> Complaint:
    """Open a closed complaint again, once and within thirty days, because the matter has come back.

    Raises:
        ReopenedAlready, ReopenTooLate
    """
    row = await locked(tx, person_id, complaint_id)
    if row.status == ComplaintStatus.CLOSED and row.reopened:
        raise ReopenedAlready
    if row.status == ComplaintStatus.CLOSED and row.ended_at and now() > row.ended_at + REOPEN_FOR:
        raise ReopenTooLate
    row.reopened = True
    return await _step(tx, row, ComplaintAction.REOPEN, words)


async def attach(tx: AsyncSession, person_id: UUID, complaint_id: UUID, material_id: UUID) -> list[AttachedMaterial]:
    """Add a file of the complainant to their open complaint. Idempotent.

    Raises:
        NotFound, MaterialNotReady, TooManyAttached
        ComplaintOver
    """
    row = await locked(tx, person_id, complaint_id)
    if row.ended_at:
        raise ComplaintOver
    await use(tx, person_id, MaterialUser.COMPLAINT, row.id, material_id)
    return await used(tx, MaterialUser.COMPLAINT, row.id)


async def own(tx: AsyncSession, person_id: UUID, complaint_id: UUID) -> Complaint:
    row = await tx.get(Complaint, complaint_id)
    if row is None or row.person_id != person_id:
        raise NotFound
    return row


async def locked(tx: AsyncSession, person_id: UUID, complaint_id: UUID) -> Complaint:
    """The caller's own complaint, locked."""
    row = await tx.get(Complaint, complaint_id, with_for_update=True)
    if row is None or row.person_id != person_id:
        raise NotFound
    return row


_TO = {
    ComplaintAction.WITHDRAW: ComplaintStatus.WITHDRAWN,
    ComplaintAction.CONFIRM: ComplaintStatus.CLOSED,
    ComplaintAction.DISPUTE: ComplaintStatus.DISPUTED,
    ComplaintAction.REOPEN: ComplaintStatus.HANDLING,
}


async def _step(tx: AsyncSession, row: Complaint, action: ComplaintAction, words: str | None) -> Complaint:
    await steps.move(tx, row, action, _TO[action])
    await steps.note(tx, row, action, ComplaintActor.RESIDENT, said=steps.Said(words))
    return row


async def _require_few(tx: AsyncSession, person_id: UUID) -> None:
    mine = Complaint.person_id == person_id
    still_open = select(func.count()).where(mine, Complaint.status.in_(OPEN))
    if (await tx.scalar(still_open) or 0) >= MOST_OPEN:
        raise TooManyOpenComplaints(most=MOST_OPEN)
    recent = select(Complaint.filed_at).where(mine, Complaint.filed_at > now() - _DAY)
    filed = (await tx.scalars(recent.order_by(Complaint.filed_at.desc()).limit(MOST_A_DAY))).all()
    if len(filed) >= MOST_A_DAY:
        raise TooManyComplaints(MOST_A_DAY, filed[-1] + _DAY)
