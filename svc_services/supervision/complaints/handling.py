"""What staff and the company's people do with a complaint: decide, assign, answer, call back."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import NotFound
from kit.approvals import SecondPersonNeeded
from kit.staff.reach import acting_in, divisions_of
from svc_services.callers import OPERATOR
from svc_services.providers.applications.models import Provider
from svc_services.providers.own_company.outsiders import OwnCompany, require_outsider
from svc_services.providers.own_company.service import ADMIN, own_providers
from svc_services.supervision.complaints import schemas, steps
from svc_services.supervision.complaints.models import (
    CallBackOutcome,
    Complaint,
    ComplaintAction,
    ComplaintActor,
    ComplaintHandler,
    ComplaintStatus,
)
from svc_services.supervision.complaints.presenters import View
from svc_services.supervision.complaints.refusals import ComplaintNotYours, ProviderNamedAlready, ProviderNeeded
from svc_services.supervision.complaints.subjects import require_served
from svc_services.supervision.readers import CLERK, COMPANY, STAFF

_OFFICE = (CLERK, OPERATOR)
_JUDGED = (ComplaintAction.ACCEPT, ComplaintAction.REFUSE, ComplaintAction.ASSIGN, ComplaintAction.ANSWER)


def reached(caller: Caller) -> ColumnElement[bool]:
    """Complaints of the divisions of staff, and those of one's company once they are accepted."""
    held = divisions_of(caller, *STAFF)
    by_division = true() if held is None else Complaint.division_code.in_(sorted(held))
    own = own_providers(caller, *COMPANY).with_only_columns(Provider.id)
    return or_(by_division, and_(Complaint.provider_id.in_(own), Complaint.accepted_at.is_not(None)))


async def view_of(tx: AsyncSession, caller: Caller, row: Complaint) -> View:
    """As whom a caller who reaches a complaint sees it: staff with a role in the company sees what the company does.

    Raises:
        NotFound: it is not accepted yet, and the caller is of the company.
    """
    held = divisions_of(caller, *STAFF)
    if held is None or row.division_code in held:
        try:
            if row.provider_id:
                await require_outsider(tx, caller, row.provider_id)
        except OwnCompany:
            if row.accepted_at is None:
                raise NotFound from None
        else:
            return View.STAFF
    return View.COMPANY


async def found(tx: AsyncSession, caller: Caller, complaint_id: UUID, *, locked: bool = False) -> Complaint:
    """A complaint that the caller reaches.

    Raises:
        NotFound
    """
    query = select(Complaint).where(Complaint.id == complaint_id, reached(caller))
    row: Complaint | None = await tx.scalar(query.with_for_update() if locked else query)
    if row is None:
        raise NotFound
    return row


async def accept(tx: AsyncSession, caller: Caller, complaint_id: UUID, said: schemas.ComplaintAcceptance) -> Complaint:
    """Accept a complaint, and say who handles it.

    Raises:
        NotYourDivision, SecondPersonNeeded, OwnCompany, ProviderNeeded, ProviderNamedAlready
    """
    row = await _of_office(tx, caller, complaint_id)
    if said.provider_id:
        if row.provider_id:
            raise ProviderNamedAlready
        await require_served(tx, said.provider_id, row.division_code)
        row.provider_id = said.provider_id
    if row.provider_id is None:
        raise ProviderNeeded
    await steps.require_independent(tx, caller, row)
    row.handler, row.accepted_at = said.handler, now()
    return await _step(tx, row, ComplaintStatus.HANDLING, ComplaintAction.ACCEPT, caller, said.words)


async def refuse(tx: AsyncSession, caller: Caller, complaint_id: UUID, words: str) -> Complaint:
    """Refuse a complaint with the reason; the complainant may dispute that."""
    row = await _of_office(tx, caller, complaint_id)
    await steps.require_independent(tx, caller, row)
    return await _step(tx, row, ComplaintStatus.REFUSED, ComplaintAction.REFUSE, caller, words)


async def assign(tx: AsyncSession, caller: Caller, complaint_id: UUID, said: schemas.ComplaintAssignment) -> Complaint:
    """Let the other side handle it; the days go on."""
    row = await _of_office(tx, caller, complaint_id)
    await steps.require_independent(tx, caller, row)
    row.handler = said.handler
    return await _step(tx, row, ComplaintStatus.HANDLING, ComplaintAction.ASSIGN, caller, said.words)


async def answer(tx: AsyncSession, caller: Caller, complaint_id: UUID, words: str) -> Complaint:
    """Answer a complaint: its handler, and after a dispute an operator who had no part in it.

    Raises:
        ComplaintNotYours, SecondPersonNeeded, OwnCompany
    """
    row = await found(tx, caller, complaint_id, locked=True)
    actor = await _answering(tx, caller, row)
    return await _step(tx, row, ComplaintStatus.ANSWERED, ComplaintAction.ANSWER, caller, words, actor=actor)


async def call_back(
    tx: AsyncSession, caller: Caller, complaint_id: UUID, said: schemas.NewComplaintCallBack
) -> Complaint:
    """Record what the complainant said when called back.

    Raises:
        SecondPersonNeeded: the caller answered it.
        OwnCompany, IllegalMove
    """
    row = await _of_office(tx, caller, complaint_id)
    await steps.require_independent(tx, caller, row, ComplaintAction.ANSWER)
    status = after_call_back(row, said.outcome)
    return await _step(tx, row, status, ComplaintAction.CALL_BACK, caller, said.words, outcome=said.outcome)


def after_call_back(row: Complaint, outcome: CallBackOutcome) -> ComplaintStatus:
    """Unsatisfied is a dispute the first time, and closes it the second; who was not reached is called again."""
    if outcome == CallBackOutcome.UNREACHABLE:
        return ComplaintStatus.ANSWERED
    if outcome == CallBackOutcome.UNSATISFIED and not row.disputed:
        row.disputed = True
        return ComplaintStatus.DISPUTED
    return ComplaintStatus.CLOSED


async def _answering(tx: AsyncSession, caller: Caller, row: Complaint) -> ComplaintActor:
    if row.status == ComplaintStatus.DISPUTED:
        acting_in(caller, [row.division_code], OPERATOR)
        await steps.require_independent(tx, caller, row, *_JUDGED, ComplaintAction.CALL_BACK)
        return ComplaintActor.STAFF
    if row.handler == ComplaintHandler.PROVIDER:
        own = own_providers(caller, ADMIN).where(Provider.id == row.provider_id)
        if await tx.scalar(own.with_only_columns(Provider.id)) is None:
            raise ComplaintNotYours
        if caller.id == row.person_id:
            raise SecondPersonNeeded
        return ComplaintActor.COMPANY
    if not caller.memberships_as(*_OFFICE):
        raise ComplaintNotYours
    acting_in(caller, [row.division_code], *_OFFICE)
    await steps.require_independent(tx, caller, row)
    return ComplaintActor.STAFF


async def _of_office(tx: AsyncSession, caller: Caller, complaint_id: UUID) -> Complaint:
    row = await found(tx, caller, complaint_id, locked=True)
    acting_in(caller, [row.division_code], *_OFFICE)
    return row


async def _step(  # noqa: PLR0913 - what a step is
    tx: AsyncSession,
    row: Complaint,
    status: ComplaintStatus,
    action: ComplaintAction,
    caller: Caller,
    words: str | None,
    *,
    actor: ComplaintActor = ComplaintActor.STAFF,
    outcome: CallBackOutcome | None = None,
) -> Complaint:
    await steps.move(tx, row, action, status)
    await steps.note(tx, row, action, actor, caller.id, steps.Said(words, outcome))
    return row
