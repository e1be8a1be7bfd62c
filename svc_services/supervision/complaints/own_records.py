from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.my_data import records
from svc_services.supervision.complaints.models import Complaint, ComplaintEntry
from svc_services.supply.arrears.models import BillDispute

_OF_THE_OFFICE = ("salt", "look_at", "level", "calendar_revision", "hotline_problem")


async def of_person(tx: AsyncSession, person_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """The complaints of a person and their steps, for the file of their data."""
    mine = select(Complaint.id).where(Complaint.person_id == person_id)
    return {
        "complaints": await records(tx, Complaint, Complaint.person_id == person_id, without=_OF_THE_OFFICE),
        "complaint_entries": await records(
            tx, ComplaintEntry, ComplaintEntry.complaint_id.in_(mine), without=("actor_id",)
        ),
        "bill_disputes": await records(tx, BillDispute, BillDispute.person_id == person_id),
    }
