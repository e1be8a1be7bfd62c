"""Looks at complaints, recorded and announced so that svc_identity can show them to the complainant."""

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id, now
from chassis.outbox import emit
from svc_services.cases.data_reads.events import PersonalDataRead
from svc_services.supervision.complaints.models import Complaint, ComplaintRead
from svc_services.supervision.readers import COMPANY, STAFF

READ = "read_complaint"


async def record_read(tx: AsyncSession, caller: Caller, row: Complaint) -> None:
    """Record that somebody other than the complainant has read a complaint."""
    held = caller.memberships_as(*STAFF, *COMPANY)[0]
    read = ComplaintRead(
        id=new_id(),
        complaint_id=row.id,
        reader_id=caller.id,
        role=held.role,
        organisation_id=held.organisation_id,
        read_at=now(),
    )
    tx.add(read)
    if row.person_id:
        same = {"role": held.role, "organisation_id": held.organisation_id, "read_at": read.read_at}
        person = {"person_id": row.person_id, "audit_record_id": read.id}
        await emit(tx, PersonalDataRead(action=READ, data=["complaints"], **person, **same))
