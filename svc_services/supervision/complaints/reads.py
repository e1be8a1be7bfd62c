"""Looks at complaints, recorded and announced so that svc_identity can show them to the complainant."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id, now
from chassis.outbox import emit
from svc_services.cases.data_reads.events import PersonalDataRead
from svc_services.cases.data_reads.service import MATERIAL
from svc_services.supervision.complaints import handling, schemas
from svc_services.supervision.complaints.models import Complaint, ComplaintRead
from svc_services.supervision.complaints.presenters import View, shown
from svc_services.supervision.readers import COMPANY, STAFF

READ = "read_complaint"
_DATA = {READ: "complaints", MATERIAL: "materials"}


async def read(tx: AsyncSession, caller: Caller, row: Complaint) -> schemas.Complaint:
    """A complaint as somebody of an office or a company reads it, which is recorded."""
    view = await handling.view_of(tx, caller, row)
    await _record(tx, caller, row, view, READ)
    return await shown(tx, row, view)


async def record_material(tx: AsyncSession, caller: Caller, row: Complaint, view: View) -> None:
    """Record that somebody of an office or a company opens a file of a complaint."""
    await _record(tx, caller, row, view, MATERIAL)


async def _record(tx: AsyncSession, caller: Caller, row: Complaint, view: View, action: str) -> None:
    roles: Sequence[str] = STAFF if view == View.STAFF else (*COMPANY, *STAFF)
    held = caller.memberships_as(*roles)[0]
    looked = ComplaintRead(
        id=new_id(),
        complaint_id=row.id,
        reader_id=caller.id,
        role=held.role,
        organisation_id=held.organisation_id,
        read_at=now(),
    )
    tx.add(looked)
    if row.person_id:
        same = {"role": held.role, "organisation_id": held.organisation_id, "read_at": looked.read_at}
        person = {"person_id": row.person_id, "audit_record_id": looked.id}
        await emit(tx, PersonalDataRead(action=action, data=[_DATA[action]], **person, **same))
