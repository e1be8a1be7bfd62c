"""Complaints as each side sees them."""

from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import today
from svc_services.cases.materials.models import MaterialUser
from svc_services.cases.materials.uses import used
from svc_services.supervision.complaints import schemas
from svc_services.supervision.complaints.models import (
    STEPS,
    Complaint,
    ComplaintAction,
    ComplaintEntry,
    ComplaintHandler,
    ComplaintStatus,
)

_OF_RESIDENT = (
    ComplaintAction.WITHDRAW,
    ComplaintAction.CONFIRM,
    ComplaintAction.DISPUTE,
    ComplaintAction.REOPEN,
)


class View(StrEnum):
    RESIDENT = "resident"
    STAFF = "staff"
    COMPANY = "company"


def summary(row: Complaint) -> schemas.ComplaintSummary:
    return schemas.ComplaintSummary(**_same(row))


async def shown(tx: AsyncSession, row: Complaint, view: View) -> schemas.Complaint:
    """A complaint with its entries; the company learns whom to call only where the complainant allows it."""
    query = select(ComplaintEntry).where(ComplaintEntry.complaint_id == row.id)
    entries = [
        schemas.ComplaintEntry.model_validate(each, from_attributes=True)
        for each in await tx.scalars(query.order_by(ComplaintEntry.position))
    ]
    if view != View.STAFF:
        entries = [each.model_copy(update={"actor_id": None}) for each in entries]
    return schemas.Complaint(
        **_same(row),
        subject_ref=row.subject_ref,
        words=row.words,
        contact=_contact(row) if view != View.COMPANY or row.contact_shared else None,
        contact_shared=row.contact_shared,
        hotline_problem=row.hotline_problem if view == View.STAFF else None,
        actions=_actions(row) if view == View.RESIDENT else [],
        materials=await used(tx, MaterialUser.COMPLAINT, row.id) if sees_materials(row, view) else [],
        entries=entries,
    )


def sees_materials(row: Complaint, view: View) -> bool:
    """The company sees the complainant's files only where it handles the complaint: they may show whose it is."""
    return view != View.COMPANY or row.handler == ComplaintHandler.PROVIDER


def _same(row: Complaint) -> dict[str, Any]:
    names = set(schemas.ComplaintSummary.model_fields) - {"complaint_id"}
    return {"complaint_id": row.id, **{name: getattr(row, name) for name in names}}


def _contact(row: Complaint) -> schemas.ComplaintContact | None:
    if row.contact_name is None or row.contact_phone is None:
        return None
    return schemas.ComplaintContact(name=row.contact_name, phone=row.contact_phone)


def _actions(row: Complaint) -> list[ComplaintAction]:
    possible = [each for each in _OF_RESIDENT if row.status in STEPS[each]]
    over = row.disputed or (row.dispute_until is not None and today() > row.dispute_until)
    unavailable = {
        *({ComplaintAction.DISPUTE} if over else set()),
        *({ComplaintAction.REOPEN} if row.reopened and row.status == ComplaintStatus.CLOSED else set()),
    }
    return [each for each in possible if each not in unavailable]
