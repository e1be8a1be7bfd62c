"""Where a complaint stands, in the words that both sides exchange."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_services.providers.applications.models import Provider
from svc_services.supervision.complaints.models import Complaint, ComplaintAction, ComplaintEntry, ComplaintSource
from svc_services.supervision.complaints.schemas import ComplaintContact
from svc_services.supervision.hotline import schemas
from svc_services.supervision.hotline.models import HotlineTicket

_ANSWERS = (ComplaintAction.ANSWER, ComplaintAction.REFUSE)
_SAME = ("number", "hotline_number", "revision", "source", "division_code", "subject", "status", "due_on")


async def state_of(tx: AsyncSession, row: Complaint) -> schemas.HotlineTicketState:
    return schemas.HotlineTicketState(**await _members(tx, row))


async def handed(tx: AsyncSession, row: Complaint, ticket: HotlineTicket) -> schemas.HandedTicket:
    """What is sent: the words only where the hotline does not have them, the contact only with consent."""
    contact = None
    if ticket.share_contact and row.contact_name and row.contact_phone:
        contact = ComplaintContact(name=row.contact_name, phone=row.contact_phone)
    words = row.words if row.source == ComplaintSource.RESIDENT else None
    return schemas.HandedTicket(**await _members(tx, row), words=words, contact=contact)


async def _members(tx: AsyncSession, row: Complaint) -> dict[str, Any]:
    answer = await _last(tx, row, *_ANSWERS)
    called = await _last(tx, row, ComplaintAction.CALL_BACK)
    provider = await tx.get(Provider, row.provider_id) if row.provider_id else None
    return {
        **{name: getattr(row, name) for name in (*_SAME, "filed_at", "ended_at")},
        "provider": provider.name if provider else None,
        "answer": answer.words if answer else None,
        "call_back": None
        if called is None or called.outcome is None
        else schemas.CallBackResult(outcome=called.outcome, words=called.words, taken_at=called.taken_at),
    }


async def _last(tx: AsyncSession, row: Complaint, *actions: ComplaintAction) -> ComplaintEntry | None:
    query = select(ComplaintEntry).where(ComplaintEntry.complaint_id == row.id, ComplaintEntry.action.in_(actions))
    found: ComplaintEntry | None = await tx.scalar(query.order_by(ComplaintEntry.position.desc()).limit(1))
    return found
