"""Tickets between this platform and the hotline, by both numbers."""

import hashlib
import hmac
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id, now
from chassis.problems import NotFound
from kit.staff.reach import acting_in
from svc_services.base import lock
from svc_services.callers import OPERATOR
from svc_services.reference.service import require_divisions
from svc_services.supervision.complaints import handling, service, steps
from svc_services.supervision.complaints.models import (
    Complaint,
    ComplaintAction,
    ComplaintActor,
    ComplaintEntry,
    ComplaintSource,
    ComplaintSubject,
)
from svc_services.supervision.complaints.subjects import require_served
from svc_services.supervision.hotline import schemas
from svc_services.supervision.hotline.models import HotlineTicket
from svc_services.supervision.hotline.refusals import HotlineTicketDiffers, NoContactToShare
from svc_services.supervision.hotline.states import state_of


async def hand_over(tx: AsyncSession, person_id: UUID, complaint_id: UUID, *, share_contact: bool) -> Complaint:
    """Have the hotline told of one's complaint, and of each step from now on; once.

    Raises:
        NotFound, NoContactToShare
    """
    row = await service.locked(tx, person_id, complaint_id)
    if share_contact and row.contact_phone is None:
        raise NoContactToShare
    await _open_ticket(tx, row, share_contact=share_contact)
    if share_contact:
        await _share_contact(tx, row)
    return row


async def hand_over_as_operator(tx: AsyncSession, caller: Caller, complaint_id: UUID) -> Complaint:
    """Have the hotline told of a complaint of one's divisions, without the contact.

    Raises:
        NotFound, NotYourDivision
    """
    row = await _of_operator(tx, caller, complaint_id)
    await _open_ticket(tx, row, share_contact=False)
    return row


async def receive(tx: AsyncSession, new: schemas.NewHotlineTicket) -> schemas.HotlineTicketState:
    """Take a ticket of the hotline; the same one again answers where it stands.

    Raises:
        HotlineTicketDiffers: the number is that of another ticket.
        UnknownProvider, UnknownDivision, NotServedThere
    """
    await lock_number(tx, new.hotline_number)
    if known := await _by_number(tx, new.hotline_number):
        await _require_same(tx, known, new)
        return await state_of(tx, known)
    await require_divisions(tx, [new.division_code])
    if new.provider_id:
        await require_served(tx, new.provider_id, new.division_code)
    salt = uuid4()
    row = Complaint(
        id=new_id(),
        source=ComplaintSource.HOTLINE,
        subject=ComplaintSubject.SERVICE,
        subject_verified=False,
        contact_shared=False,
        disputed=False,
        reopened=False,
        salt=salt,
        **new.model_dump(include={"hotline_number", "division_code", "provider_id", "words"}),
    )
    if new.contact:
        row.contact_name, row.contact_phone = new.contact.name, new.contact.phone
    await steps.file(tx, row, ComplaintActor.HOTLINE)
    ticket = HotlineTicket(complaint_id=row.id, share_contact=False, digest=_digest(salt, new))
    ticket.told_revision = row.revision  # the answer says it
    tx.add(ticket)
    return await state_of(tx, row)


async def shown(tx: AsyncSession, hotline_number: str) -> schemas.HotlineTicketState:
    """Where a complaint stands.

    Raises:
        NotFound
    """
    row = await _by_number(tx, hotline_number)
    if row is None:
        raise NotFound
    return await state_of(tx, row)


async def call_back(tx: AsyncSession, hotline_number: str, said: schemas.HotlineCallBack) -> schemas.HotlineTicketState:
    """Record what the hotline heard when it called back; the same call again changes nothing, however late.

    Raises:
        NotFound
        HotlineTicketDiffers: the call was reported otherwise before.
        IllegalMove: there is no answer to call back about.
    """
    row = await _by_number(tx, hotline_number, locked=True)
    if row is None:
        raise NotFound
    if not await _is_repeated(tx, row, said):
        await steps.move(tx, row, ComplaintAction.CALL_BACK, handling.after_call_back(row, said.outcome))
        heard = steps.Said(said.words, said.outcome, said.reference)
        await steps.note(tx, row, ComplaintAction.CALL_BACK, ComplaintActor.HOTLINE, said=heard)
    return await state_of(tx, row)


async def retry(tx: AsyncSession, caller: Caller, complaint_id: UUID) -> Complaint:
    """Tell the hotline again after a contradiction of numbers.

    Raises:
        NotFound, NotYourDivision
    """
    row = await _of_operator(tx, caller, complaint_id)
    ticket = await tx.get(HotlineTicket, row.id, with_for_update=True)
    if ticket is None:
        raise NotFound
    row.hotline_problem, ticket.failures, ticket.try_at = None, 0, now()
    return row


async def _of_operator(tx: AsyncSession, caller: Caller, complaint_id: UUID) -> Complaint:
    row = await handling.found(tx, caller, complaint_id, locked=True)
    acting_in(caller, [row.division_code], OPERATOR)
    return row


async def _open_ticket(tx: AsyncSession, row: Complaint, *, share_contact: bool) -> None:
    ticket = insert(HotlineTicket).values(
        complaint_id=row.id, share_contact=share_contact, told_revision=0, failures=0, tries=0
    )
    await tx.execute(ticket.on_conflict_do_nothing())


async def _share_contact(tx: AsyncSession, row: Complaint) -> None:
    """Let the hotline have the contact, also where somebody has handed the complaint over without it."""
    ticket = await tx.get_one(HotlineTicket, row.id, with_for_update=True, populate_existing=True)
    if not ticket.share_contact:
        ticket.share_contact = True
        ticket.tries += 1  # what is under way goes without it, and its answer counts no more
        ticket.try_at = now()
        # Told of already, and of nothing newer: it is sent once more.
        ticket.told_revision = min(ticket.told_revision, row.revision - 1)


async def lock_number(tx: AsyncSession, hotline_number: str) -> None:
    await lock(tx, "hotline number", hotline_number)


async def _by_number(tx: AsyncSession, hotline_number: str, *, locked: bool = False) -> Complaint | None:
    query = select(Complaint).where(Complaint.hotline_number == hotline_number)
    row: Complaint | None = await tx.scalar(query.with_for_update() if locked else query)
    return row


async def _require_same(tx: AsyncSession, row: Complaint, new: schemas.NewHotlineTicket) -> None:
    ticket = await tx.get_one(HotlineTicket, row.id)
    if ticket.digest is None:
        raise HotlineTicketDiffers
    # What it held is erased with the salt: then it is a very late repetition.
    if row.salt and not hmac.compare_digest(ticket.digest, _digest(row.salt, new)):
        raise HotlineTicketDiffers


async def _is_repeated(tx: AsyncSession, row: Complaint, said: schemas.HotlineCallBack) -> bool:
    of_call = (ComplaintEntry.complaint_id == row.id, ComplaintEntry.hotline_reference == said.reference)
    before = await tx.scalar(select(ComplaintEntry).where(*of_call))
    if before is None:
        return False
    if before.outcome != said.outcome or before.words not in {None, said.words}:  # None once erased
        raise HotlineTicketDiffers
    return True


def _digest(salt: UUID, new: schemas.NewHotlineTicket) -> bytes:
    return hashlib.sha256(salt.bytes + new.model_dump_json().encode()).digest()
